"""What the tool of a deployment makes for calls within the mesh, and its three steps towards another authority."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from shodhana.stack.certificates.edge import EdgeCertificates
from shodhana.stack.places import PROJECT

sys.path.insert(0, str(PROJECT / "tools"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import deployment_secrets as tool

    tool.make(tmp_path / "secrets", tool.PLACES["compose"])
    return tmp_path / "secrets"


def printed(folder: Path, *, has_issuer: bool) -> dict[tuple[str, str], dict[str, Any]]:
    import deployment_secrets as tool

    found = tool.manifests(folder, has_issuer=has_issuer)
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def trusted(folder: Path) -> int:
    return len(x509.load_pem_x509_certificates((folder / "mesh" / "review" / "ca.crt").read_bytes()))


def test_where_cert_manager_issues_it_gets_the_authority_and_no_more(folder: Path) -> None:
    found = printed(folder, has_issuer=True)
    assert [name for kind, name in found if kind == "Secret" and name.startswith("mesh")] == ["mesh-authority"]
    assert found["ConfigMap", "mesh-authorities"]["data"]["ca.crt"] == (folder / "mesh/review/ca.crt").read_text()


def test_elsewhere_each_service_gets_its_certificate_and_nobody_the_authority(folder: Path) -> None:
    import deployment_secrets as tool

    found = {name for kind, name in printed(folder, has_issuer=False) if kind == "Secret"}
    assert {name for name in found if name.startswith("mesh")} == {f"mesh-{name}" for name in tool.CERTIFIED}
    assert found <= set(tool.SECRET_NAMES)


def test_an_authority_is_replaced_in_three_steps_whatever_is_run_between(folder: Path) -> None:
    import deployment_secrets as tool

    seen = []
    for step in ("trust", "sign", "forget"):
        tool.STEPS[step](tool.mesh_of(folder))
        tool.make(folder, tool.PLACES["compose"])
        seen.append(trusted(folder))
    assert seen == [2, 2, 1]


def test_a_step_out_of_its_turn_is_refused(folder: Path) -> None:
    import deployment_secrets as tool

    with pytest.raises(ValueError, match="no next authority"):
        tool.STEPS["sign"](tool.mesh_of(folder))


def test_the_folders_that_containers_see_stay_where_they_are(folder: Path) -> None:
    import deployment_secrets as tool

    before = [(folder / name).stat().st_ino for name in ("tls", "mesh/review")]
    tool.make(folder, tool.PLACES["compose"])
    assert [(folder / name).stat().st_ino for name in ("tls", "mesh/review")] == before


def test_a_certificate_of_the_owners_own_is_left_at_the_gateway(folder: Path, tmp_path: Path) -> None:
    import deployment_secrets as tool

    own = EdgeCertificates(tmp_path / "own")
    own.ensure()
    (folder / "tls" / "tls.crt").unlink()
    (folder / "tls" / "tls.crt").write_bytes(own.server.read_bytes())
    tool.make(folder, tool.PLACES["compose"])
    assert (folder / "tls" / "tls.crt").read_bytes() == own.server.read_bytes()
