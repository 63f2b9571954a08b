"""REST ⇄ gRPC: what the transcoder accepts and prints, and the script that does what it leaves out."""

from __future__ import annotations

from ..places import GATEWAY
from .contracts import Rpc
from .parameters import GatewayParameters
from .values import Config, typed

MAX_REST_BODY_BYTES = 32 * 1024 * 1024
MAX_REST_ANSWER_BYTES = 64 * 1024 * 1024
TRANSCODER = "envoy.filters.http.grpc_json_transcoder"
BUFFER = "envoy.filters.http.buffer"
REST_SCRIPT = "envoy.filters.http.lua"


def transcoder(parameters: GatewayParameters, rpcs: list[Rpc], stream_option: str | None = None) -> Config:
    """The transcoder of every service that has REST bindings; `stream_option` says how streams are written."""
    printed = {"always_print_primitive_fields": True, **({stream_option: True} if stream_option else {})}
    return typed(
        "extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor=str(parameters.assets / "descriptors.binpb"),
        services=sorted({rpc.service for rpc in rpcs if rpc.http}),
        convert_grpc_status=True,
        print_options=printed,
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
        # Limits of the transcoder's own buffers: the body as a whole is capped by the buffer filter.
        max_request_body_size=MAX_REST_BODY_BYTES,
        max_response_body_size=MAX_REST_ANSWER_BYTES,
    )


def body_cap() -> Config:
    """Turns the buffer filter on for a REST route: a longer body is refused with 413."""
    return typed("extensions.filters.http.buffer.v3.BufferPerRoute", buffer={"max_request_bytes": MAX_REST_BODY_BYTES})


def rest_script() -> Config:
    """Refuses fields that a request message does not have, and names the content type of streams (`rest.lua`).

    The text stands in the configuration because Envoy's Lua finds no second file.
    """
    script = (GATEWAY / "rest_tables.lua").read_text() + (GATEWAY / "rest.lua").read_text()
    return typed("extensions.filters.http.lua.v3.Lua", default_source_code={"inline_string": script})
