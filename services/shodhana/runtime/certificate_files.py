"""A certificate, its key and the authorities that are trusted, read again when their files change.

The folder is as cert-manager and the kubelet lay it out (`tls.crt`, `tls.key`, `ca.crt`); `ca.crt` holds two
authorities while one takes the other's place.
"""

from __future__ import annotations

import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from . import metrics

CERTIFICATE, KEY, AUTHORITIES = "tls.crt", "tls.key", "ca.crt"
GLANCE_S = 1.0
TRIES = 3
Mark = tuple[tuple[int, int, int], ...]
_log = structlog.get_logger()


class CertificatesUnusable(Exception):
    """A file is missing or unreadable, or the key is not the certificate's."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the files held when they last made sense together; PEM."""

    certificate: bytes
    key: bytes
    authorities: bytes
    ends_at: float
    """Of the certificate, in seconds since 1970."""
    version: int
    """Grows with each change."""


class CertificateFiles:
    """The three files of a folder; may be asked by several threads. Raises CertificatesUnusable when made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths = tuple(folder / name for name in (CERTIFICATE, KEY, AUTHORITIES))
        self._lock = threading.Lock()
        self._found, self._mark = self._read(version=0)
        self._tried = self._mark
        self._glance_at = 0.0
        self._context: tuple[int, ssl.SSLContext] | None = None
        metrics.CERTIFICATE_ENDS.set_function(lambda: self.look().ends_at)  # who calls nobody looks when it is scraped

    def look(self) -> Found:
        """What stands there now; files that make no sense together leave what was known before."""
        with self._lock:
            self._glance_at = time.monotonic() + GLANCE_S
            mark = self._stat()
            if mark not in (self._mark, self._tried):
                self._tried = mark
                self._take()
            return self._found

    def glance(self) -> Found:
        """The same, at most a second old."""
        return self._found if time.monotonic() < self._glance_at else self.look()

    def server_context(self) -> ssl.SSLContext:
        """For servers that take one context for good: each handshake is given one of the files as they are then."""
        context = self._fresh_context()

        def replace(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = self._fresh_context()

        context.sni_callback = replace
        return context

    def _take(self) -> None:
        try:
            self._found, self._mark = self._read(self._found.version + 1)
        except CertificatesUnusable as error:
            _log.error("certificates_unusable", error=str(error))
            return
        _log.info("certificates_taken", folder=str(self.folder))

    def _read(self, version: int) -> tuple[Found, Mark | None]:
        """Reads until nothing changed meanwhile."""
        try:
            for _ in range(TRIES):
                mark = self._stat()
                certificate, key, authorities = (path.read_bytes() for path in self._paths)
                if mark is not None and self._stat() == mark:
                    ends_at = _end_of(certificate, key, authorities)
                    return Found(certificate, key, authorities, ends_at, version), mark
        except (OSError, ValueError) as error:
            raise CertificatesUnusable(f"{self.folder}: {error}") from error
        raise CertificatesUnusable(f"{self.folder}: the files do not stand still")

    def _stat(self) -> Mark | None:
        try:
            found = [path.stat() for path in self._paths]
        except OSError:
            return None
        return tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in found)

    def _fresh_context(self) -> ssl.SSLContext:
        found = self.look()
        if self._context is None or self._context[0] != found.version:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.num_tickets = 0  # a session taken up again would not be asked for its certificate
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_cert_chain(self._paths[0], self._paths[1])
            context.load_verify_locations(cadata=found.authorities.decode())
            self._context = (found.version, context)
        return self._context[1]


def _end_of(certificate: bytes, key: bytes, authorities: bytes) -> float:
    """When the certificate ends. Raises ValueError where the files do not fit together."""
    leaf = x509.load_pem_x509_certificates(certificate)[0]
    x509.load_pem_x509_certificates(authorities)
    if serialization.load_pem_private_key(key, None).public_key() != leaf.public_key():
        raise ValueError("the key is not the certificate's")
    return leaf.not_valid_after_utc.timestamp()
