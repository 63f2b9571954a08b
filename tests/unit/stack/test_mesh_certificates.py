"""The mesh's certificates: made once, renewed in time, and an authority that gives way to another in three steps."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from shodhana.stack.certificates.mesh import AUTHORITY_LIFE, MeshCertificates

NAMES = ("similarity", "review")


@pytest.fixture
def mesh(tmp_path: Path) -> MeshCertificates:
    made = MeshCertificates(tmp_path / "mesh", NAMES)
    made.ensure()
    return made


def content(mesh: MeshCertificates) -> dict[str, bytes]:
    return {f"{name}/{file}": (mesh.of(name) / file).read_bytes() for name in NAMES for file in ("tls.crt", "ca.crt")}


def trusted_by(mesh: MeshCertificates, name: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((mesh.of(name) / "ca.crt").read_bytes())


def is_trusted(mesh: MeshCertificates, name: str) -> bool:
    """Whether everybody trusts what a service shows."""
    shown = mesh.read(name).certificate
    return all(any(shown.issuer == one.subject for one in trusted_by(mesh, other)) for other in NAMES)


def test_each_is_made_out_to_its_service_for_both_ends(mesh: MeshCertificates) -> None:
    shown = mesh.read("review").certificate
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usages = shown.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert names.get_values_for_type(x509.DNSName) == ["review"]
    assert {usage._name for usage in usages} == {"serverAuth", "clientAuth"}


def test_only_the_owner_reads_the_keys(mesh: MeshCertificates) -> None:
    keys = [path for path in mesh.folder.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    assert len(keys) >= 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}


def test_what_lasts_is_kept(mesh: MeshCertificates) -> None:
    before = content(mesh)
    mesh.ensure()
    assert content(mesh) == before


def test_certificates_are_renewed_ten_days_before_their_end(mesh: MeshCertificates) -> None:
    before, authority = content(mesh), trusted_by(mesh, "review")
    mesh.ensure(datetime.now(UTC) + timedelta(days=19))
    assert content(mesh) == before
    mesh.ensure(datetime.now(UTC) + timedelta(days=21))
    assert content(mesh)["review/tls.crt"] != before["review/tls.crt"]
    assert trusted_by(mesh, "review") == authority


def test_an_authority_is_trusted_before_it_signs_and_after_it_did(mesh: MeshCertificates) -> None:
    trusted: list[int] = []
    issuers = {mesh.read("review").certificate.issuer}

    def look() -> None:
        trusted.append(len(trusted_by(mesh, "review")))
        issuers.add(mesh.read("review").certificate.issuer)
        assert all(is_trusted(mesh, name) for name in NAMES)

    mesh.rotate_authority(look)
    look()
    assert trusted == [2, 2, 1]
    assert len(issuers) == 2


@pytest.mark.parametrize("step", [1, 2])
def test_a_change_of_authority_that_was_broken_off_is_ended(mesh: MeshCertificates, step: int) -> None:
    steps: list[None] = []

    def breaks() -> None:
        steps.append(None)
        if len(steps) == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mesh.rotate_authority(breaks)
    assert all(is_trusted(mesh, name) for name in NAMES)
    mesh.ensure()
    mesh.settle(lambda: None)
    assert all(is_trusted(mesh, name) for name in NAMES)
    if mesh.wants_another_authority():
        mesh.rotate_authority(lambda: None)
    assert [len(trusted_by(mesh, name)) for name in NAMES] == [1, 1]
    assert all(is_trusted(mesh, name) for name in NAMES)


def test_another_authority_is_wanted_two_months_before_the_end(mesh: MeshCertificates) -> None:
    assert not mesh.wants_another_authority(datetime.now(UTC) + AUTHORITY_LIFE - timedelta(days=62))
    assert mesh.wants_another_authority(datetime.now(UTC) + AUTHORITY_LIFE - timedelta(days=58))


def test_files_of_containers_are_read_by_other_users(tmp_path: Path) -> None:
    mesh = MeshCertificates(tmp_path / "mesh", NAMES, is_shared=True)
    mesh.ensure()
    found = mesh.of("review") / "tls.key"
    assert stat.S_IMODE(found.stat().st_mode) == 0o444
    assert stat.S_IMODE(found.resolve().parent.stat().st_mode) == 0o755
