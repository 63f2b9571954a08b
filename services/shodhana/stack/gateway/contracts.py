"""The RPCs behind the gateway, as the descriptor set tells them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2

from shodhana.api.options.v1 import options_pb2

PACKAGE = "shodhana.api."
_HTTP: Any = annotations_pb2.http  # its stub has a type that extensions do not take
_READS = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS


@dataclass(frozen=True, slots=True)
class HttpBinding:
    """How REST calls an RPC: verb ("GET"), path template, and the field the body fills ("*": the whole request)."""

    verb: str
    path: str
    body: str


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC."""

    service: str
    name: str
    permission: str
    is_read: bool
    """Declared free of side effects: it may be sent twice."""
    client_streams: bool
    server_streams: bool
    http: HttpBinding | None
    request: str
    """Full name of the request message."""

    @property
    def path(self) -> str:
        """`/package.Service/Method`."""
        return f"/{self.service}/{self.name}"

    @property
    def cluster(self) -> str:
        """The service of the mesh that answers it: the package `shodhana.api.review.v1` is `review`'s."""
        return self.service.removeprefix(PACKAGE).partition(".")[0]


def read_descriptors(path: Path) -> descriptor_pb2.FileDescriptorSet:
    """The descriptor set in a file."""
    return descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())


def rpcs_of(descriptors: descriptor_pb2.FileDescriptorSet) -> list[Rpc]:
    """Every RPC of the project's own packages, in the order of the files."""
    return list(_walk(descriptors))


def _walk(descriptors: descriptor_pb2.FileDescriptorSet) -> Iterator[Rpc]:
    for file in descriptors.file:
        if not file.package.startswith(PACKAGE):
            continue
        for service in file.service:
            for method in service.method:
                yield _rpc(f"{file.package}.{service.name}", method)


def _rpc(service: str, method: descriptor_pb2.MethodDescriptorProto) -> Rpc:
    return Rpc(
        service=service,
        name=method.name,
        permission=method.options.Extensions[options_pb2.permission],
        is_read=method.options.idempotency_level == _READS,
        client_streams=method.client_streaming,
        server_streams=method.server_streaming,
        http=_binding(method.options),
        request=method.input_type.lstrip("."),
    )


def _binding(options: descriptor_pb2.MethodOptions) -> HttpBinding | None:
    if not options.HasExtension(_HTTP):
        return None
    rule: http_pb2.HttpRule = options.Extensions[_HTTP]
    verb = rule.WhichOneof("pattern")
    return HttpBinding(str(verb).upper(), getattr(rule, str(verb)), rule.body)
