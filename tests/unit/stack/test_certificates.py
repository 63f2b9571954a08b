"""The gateway's certificate: trusted through the stack's own authority, renewed in time."""

from __future__ import annotations

import shutil
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from shodhana.stack.certificates.edge import EdgeCertificates


@pytest.fixture
def certificates(tmp_path: Path) -> EdgeCertificates:
    made = EdgeCertificates(tmp_path / "tls")
    made.ensure()
    return made


def handshake(certificates: EdgeCertificates, host: str) -> str | None:
    """The TLS version that a client which trusts the authority agrees on, calling the server by `host`."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates.server, certificates.server_key)
    near, far = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(far, server_side=True).close()
        except ssl.SSLError:
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client = ssl.create_default_context(cafile=str(certificates.authority))
        with client.wrap_socket(near, server_hostname=host) as wrapped:
            return wrapped.version()
    finally:
        near.close()
        thread.join(5)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_client_that_trusts_the_authority_accepts_the_loopback_names(
    certificates: EdgeCertificates, host: str
) -> None:
    assert handshake(certificates, host) == "TLSv1.3"


def test_another_name_is_refused(certificates: EdgeCertificates) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificates, "elsewhere.example")


def test_only_the_owner_reads_the_keys(certificates: EdgeCertificates) -> None:
    modes = {stat.S_IMODE(key.stat().st_mode) for key in (certificates.server_key, certificates.authority_key)}
    assert modes == {0o600}


def test_a_certificate_that_lasts_is_kept(certificates: EdgeCertificates) -> None:
    before = certificates.server.read_bytes()
    certificates.ensure()
    assert certificates.server.read_bytes() == before


def test_a_certificate_near_its_end_is_renewed_under_the_same_authority(certificates: EdgeCertificates) -> None:
    authority, server = certificates.authority.read_bytes(), certificates.server.read_bytes()
    certificates.ensure(datetime.now(UTC) + timedelta(days=370))
    assert certificates.authority.read_bytes() == authority
    assert certificates.server.read_bytes() != server


def test_a_new_authority_makes_a_new_certificate(certificates: EdgeCertificates) -> None:
    server = certificates.server.read_bytes()
    certificates.authority_key.unlink()
    certificates.ensure()
    assert certificates.server.read_bytes() != server
    assert handshake(certificates, "localhost") == "TLSv1.3"


def test_another_one_is_made_when_asked_for(certificates: EdgeCertificates) -> None:
    authority, server = certificates.authority.read_bytes(), certificates.server.read_bytes()
    certificates.rotate()
    assert certificates.authority.read_bytes() == authority
    assert certificates.server.read_bytes() != server
    assert handshake(certificates, "localhost") == "TLSv1.3"


def test_a_copy_whose_links_are_files_can_be_renewed(certificates: EdgeCertificates, tmp_path: Path) -> None:
    copy = EdgeCertificates(shutil.copytree(certificates.folder, tmp_path / "restored"))
    copy.ensure()
    assert copy.server.read_bytes() == certificates.server.read_bytes()
    copy.rotate()
    assert copy.server.read_bytes() != certificates.server.read_bytes()
    assert handshake(copy, "localhost") == "TLSv1.3"
