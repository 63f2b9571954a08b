"""The authority of the mesh: every service, worker and the gateway has a certificate from it, and trusts nothing else.

`authority/signing.pem` signs. While one authority takes the other's place, `next.pem` is trusted before it signs, and
`former.pem` after it no longer does; each file holds a key and its certificate.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .making import CLIENT, SERVER, Pair, Subject, new_authority, new_certificate
from .publishing import publish, write_bytes

AUTHORITY_LIFE = timedelta(days=5 * 365)
RENEW_AUTHORITY_BEFORE = timedelta(days=60)
LIFE = timedelta(days=30)
"""Of certificates, where a program that runs renews them; the last third of it is for that."""
TAKEN_S = 5.0
"""Everybody has read changed files by then: services look once a second, Envoy is told by the system."""
Pause = Callable[[], None]


class MeshCertificates:
    """A folder for each name (`tls.crt`, `tls.key`, `ca.crt`); several processes may ask for changes, one has its way.

    `is_shared`: files are for other users too, as containers are; a folder around them keeps everybody else out.
    """

    def __init__(
        self, folder: Path, names: tuple[str, ...], *, is_shared: bool = False, life: timedelta = LIFE
    ) -> None:
        self.folder = folder
        self.names = names
        self._is_shared = is_shared
        self._life = life
        self._authorities = folder / "authority"
        self._signing, self._next, self._former = (
            self._authorities / f"{name}.pem" for name in ("signing", "next", "former")
        )

    def of(self, name: str) -> Path:
        """The folder of a service."""
        return self.folder / name

    def ensure(self, now: datetime | None = None) -> None:
        """Makes what is missing or expires soon."""
        now = now or datetime.now(UTC)
        with self._alone():
            signing = _read(self._signing)
            if signing is None or not signing.lasts(now, timedelta()):
                self._sign_with(new_authority("Shodhana mesh authority", AUTHORITY_LIFE, now))
            for name in self.names:
                if not self._is_good(name, now):
                    self._issue(name, now)

    def settle(self, pause: Pause) -> None:
        """Ends a change of authorities that was broken off when all showed certificates of the new one."""
        with self._alone():
            if self._former.exists():
                pause()
                self._forget_former()

    def rotate(self, now: datetime | None = None) -> None:
        """Another certificate and key for everybody, from the same authority."""
        with self._alone():
            for name in self.names:
                self._issue(name, now)

    def rotate_authority(self, pause: Pause, now: datetime | None = None) -> None:
        """Puts another authority in the place of this one; `pause` waits until everybody has read the files again.

        First all trust both, then all show a certificate of the new one, then nobody trusts the old one.
        """
        with self._alone():
            self._trust_next(now)
            pause()
            self._sign_by_next(now)
            pause()
            self._forget_former()

    def trust_next(self) -> None:
        """The first step alone, for where files have to be brought to those who read them."""
        with self._alone():
            self._trust_next()

    def sign_by_next(self) -> None:
        """The second. Raises ValueError where no next authority is trusted yet."""
        with self._alone():
            if not self._next.exists():
                raise ValueError("no next authority is trusted yet")
            self._sign_by_next()

    def forget_former(self) -> None:
        """The third."""
        with self._alone():
            self._forget_former()

    def wants_another_authority(self, now: datetime | None = None) -> bool:
        """Whether the authority ends within two months, or a change to another was broken off."""
        signing = _read(self._signing)
        ends = signing is not None and not signing.lasts(now or datetime.now(UTC), RENEW_AUTHORITY_BEFORE)
        return ends or self._next.exists()

    def read(self, name: str) -> Pair:
        """What a service shows."""
        folder = self.of(name)
        return Pair.from_pem((folder / "tls.key").read_bytes(), (folder / "tls.crt").read_bytes())

    def trusted(self) -> list[Pair]:
        """The authorities that everybody trusts: one, or two while they change."""
        found = [_read(path) for path in (self._signing, self._next, self._former)]
        return [one for one in found if one is not None]

    def signing(self) -> Pair | None:
        """The authority that signs."""
        return _read(self._signing)

    def _trust_next(self, now: datetime | None = None) -> None:
        if not self._next.exists():
            self._write(self._next, new_authority("Shodhana mesh authority", AUTHORITY_LIFE, now))
        for name in self.names:
            self._trust(name)

    def _sign_by_next(self, now: datetime | None = None) -> None:
        write_bytes(self._former, self._signing.read_bytes())
        self._next.replace(self._signing)
        for name in self.names:
            self._issue(name, now)

    def _forget_former(self) -> None:
        self._former.unlink(missing_ok=True)
        for name in self.names:
            self._trust(name)

    def _is_good(self, name: str, now: datetime) -> bool:
        if not (self.of(name) / "tls.key").exists():
            return False
        signing, shown = _read(self._signing), self.read(name)
        is_signed = signing is not None and signing.signed(shown.certificate)
        is_trusting = (self.of(name) / "ca.crt").read_bytes() == self._bundle()
        return is_signed and is_trusting and shown.lasts(now, self._life / 3)

    def _issue(self, name: str, now: datetime | None) -> None:
        signing = _read(self._signing)
        assert signing is not None
        self._show(name, new_certificate(signing, Subject(name, (name,), (SERVER, CLIENT)), self._life, now))

    def _trust(self, name: str) -> None:
        """The same certificate, beside the authorities of now."""
        self._show(name, self.read(name))

    def _show(self, name: str, shown: Pair) -> None:
        files = {"tls.crt": shown.certificate_pem(), "tls.key": shown.key_pem(), "ca.crt": self._bundle()}
        publish(self.of(name), files, is_shared=self._is_shared)

    def _bundle(self) -> bytes:
        return b"".join(one.certificate_pem() for one in self.trusted())

    def _sign_with(self, authority: Pair) -> None:
        self._next.unlink(missing_ok=True)
        self._former.unlink(missing_ok=True)
        self._write(self._signing, authority)

    def _write(self, path: Path, authority: Pair) -> None:
        write_bytes(path, authority.key_pem() + authority.certificate_pem())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._authorities.mkdir(parents=True, exist_ok=True)
        with (self._authorities / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _read(path: Path) -> Pair | None:
    if not path.exists():
        return None
    content = path.read_bytes()
    return Pair.from_pem(content, content)
