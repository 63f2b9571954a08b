"""What the contracts say of each RPC: its permission and whether it may be repeated."""

from __future__ import annotations

from functools import cache

from google.protobuf import descriptor_pb2, descriptor_pool

from shodhana.api.options.v1 import options_pb2

PUBLIC = "public"
AUTHENTICATED = "authenticated"
OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.v1", "/envoy.service.auth.v3.Authorization/")
_REPEATABLE = (
    descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS,
    descriptor_pb2.MethodOptions.IDEMPOTENT,
)


@cache
def permission_of(method: str) -> str | None:
    """The permission that `/package.Service/Method` declares; None where it declares none: nobody may call it."""
    if method.startswith(OPEN_SERVICES):
        return PUBLIC
    options = _options(method)
    if options is None:
        return None
    declared: str = options.Extensions[options_pb2.permission]
    return declared or None


@cache
def is_repeatable(method: str) -> bool:
    """Whether a call that may have arrived can be sent again (`idempotency_level`)."""
    options = _options(method)
    return options is not None and options.idempotency_level in _REPEATABLE


@cache
def is_read(method: str) -> bool:
    """Whether a method of a contract that was imported changes nothing; False for one that is not known."""
    options = _options(method)
    return options is not None and options.idempotency_level == descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS


def _options(method: str) -> descriptor_pb2.MethodOptions | None:
    service, _, name = method.lstrip("/").partition("/")
    try:
        found = descriptor_pool.Default().FindServiceByName(service)
    except KeyError:
        return None
    descriptor = found.methods_by_name.get(name)
    return None if descriptor is None else descriptor.GetOptions()
