"""How a process's calls within the mesh travel: as they are, or by mutual TLS with certificates that may change."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Protocol

import grpc

from .certificate_files import CertificateFiles

Options = list[tuple[str, Any]]


class Wire(Protocol):
    """What servers listen with, and channels to other services are made of."""

    def version(self) -> int:
        """Grows when channels are to be made anew; cheap enough to ask before every call."""
        ...

    def channel(self, service: str, target: str, options: Options) -> grpc.aio.Channel:
        """A channel to one replica of `service`."""
        ...

    def listen(self, server: grpc.aio.Server, address: str) -> int:
        """Adds the address to a server; gives the port."""
        ...

    def context(self) -> ssl.SSLContext | None:
        """For servers of another kind than gRPC's; None: no TLS."""
        ...


class PlainWire:
    """No TLS: for tests, and where the network itself is trusted."""

    def version(self) -> int:
        return 0

    def channel(self, service: str, target: str, options: Options) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(target, options=options)

    def listen(self, server: grpc.aio.Server, address: str) -> int:
        return server.add_insecure_port(address)

    def context(self) -> ssl.SSLContext | None:
        return None


class MutualTls:
    """Both ends show a certificate of the mesh's authorities; the server's must be made out to the service called.

    New files are taken for the handshakes that follow; connections that stand are left alone.
    """

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files

    def version(self) -> int:
        return self._files.glance().version

    def channel(self, service: str, target: str, options: Options) -> grpc.aio.Channel:
        found = self._files.glance()
        credentials = grpc.ssl_channel_credentials(found.authorities, found.key, found.certificate)
        named = ("grpc.ssl_target_name_override", service)
        return grpc.aio.secure_channel(target, credentials, options=[*options, named])

    def listen(self, server: grpc.aio.Server, address: str) -> int:
        shown = self._files.look()

        def newer() -> Any:
            """Asked at each handshake, by a thread of gRPC's; None: nothing has changed."""
            nonlocal shown
            found = self._files.look()
            if found.version == shown.version:
                return None
            shown = found
            return _configuration(found.key, found.certificate, found.authorities)

        first = _configuration(shown.key, shown.certificate, shown.authorities)
        return server.add_secure_port(address, grpc.dynamic_ssl_server_credentials(first, newer, True))

    def context(self) -> ssl.SSLContext | None:
        return self._files.server_context()


def wire_of(mesh_tls_path: Path | None) -> Wire:
    """Mutual TLS with the files of a folder, or none. Raises CertificatesUnusable."""
    return PlainWire() if mesh_tls_path is None else MutualTls(CertificateFiles(mesh_tls_path))


def _configuration(key: bytes, certificate: bytes, authorities: bytes) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(key, certificate)], authorities)
