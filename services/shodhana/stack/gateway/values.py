"""Small pieces of Envoy configuration that every module needs."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]


def typed(type_name: str, **fields: Any) -> Config:
    """A message of `envoy.<type_name>` in an Any."""
    return {"@type": f"type.googleapis.com/envoy.{type_name}", **fields}


def extension(name: str, type_name: str, **fields: Any) -> Config:
    """A named extension with its configuration."""
    return {"name": name, "typed_config": typed(type_name, **fields)}


def socket_address(address: str) -> Config:
    """`host:port` as Envoy writes it."""
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def seconds(duration_s: float) -> str:
    """A protobuf duration in JSON."""
    return f"{duration_s:g}s"
