"""The authority that clients of this stack trust, and the gateway's certificate from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from .making import SERVER, Pair, Subject, new_authority, new_certificate
from .publishing import publish, write_bytes

AUTHORITY_LIFE = timedelta(days=3650)
LIFE = timedelta(days=397)  # browsers refuse longer ones
RENEW_BEFORE = timedelta(days=30)
GATEWAY = Subject("Shodhana gateway", ("localhost",), (SERVER,), ("127.0.0.1", "::1"))


class EdgeCertificates:
    """The four files under `folder`; keys are readable by the owner only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = folder / "ca.pem"
        self.authority_key = folder / "ca_key.pem"
        self._shown = folder / "gateway"
        self.server = self._shown / "tls.crt"
        self.server_key = self._shown / "tls.key"

    def ensure(self, now: datetime | None = None) -> None:
        """Makes what is missing or expires within 30 days; a new authority makes a new server certificate."""
        now = now or datetime.now(UTC)
        self.folder.mkdir(parents=True, exist_ok=True)
        authority = _read(self.authority_key, self.authority)
        if authority is None or not authority.lasts(now, RENEW_BEFORE):
            authority = new_authority("Shodhana local authority", AUTHORITY_LIFE, now)
            write_bytes(self.authority_key, authority.key_pem())
            write_bytes(self.authority, authority.certificate_pem(), 0o644)
        shown = _read(self.server_key, self.server)
        if shown is None or not (shown.lasts(now, RENEW_BEFORE) and authority.signed(shown.certificate)):
            self._make(authority, now)

    def rotate(self, now: datetime | None = None) -> None:
        """Another certificate for the gateway, from the same authority."""
        self.ensure(now)
        authority = _read(self.authority_key, self.authority)
        assert authority is not None
        self._make(authority, now)

    def _make(self, authority: Pair, now: datetime | None) -> None:
        made = new_certificate(authority, GATEWAY, LIFE, now)
        publish(self._shown, {"tls.crt": made.certificate_pem(), "tls.key": made.key_pem()})


def _read(key: Path, certificate: Path) -> Pair | None:
    if not (key.exists() and certificate.exists()):
        return None
    return Pair.from_pem(key.read_bytes(), certificate.read_bytes())
