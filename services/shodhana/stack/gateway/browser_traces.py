"""The dashboard's own spans: taken from whoever is logged in, handed on to the collector without what says who."""

from __future__ import annotations

from .clusters import OTLP
from .transcoding import BUFFER, TRANSCODER
from .values import Config, typed

PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
MAX_BYTES = 64 * 1024
TRACE_ID = {"header": {"key": "x-trace-id", "value": "%TRACE_ID%"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
"""On every answer where calls are traced: by it the dashboard knows that they are."""


def export_route() -> Config:
    """OTLP over grpc-web, so that browsers need no other address than the gateway's."""
    capped = typed("extensions.filters.http.buffer.v3.BufferPerRoute", buffer={"max_request_bytes": MAX_BYTES})
    return {
        "name": PATH.lstrip("/"),
        "match": {"path": PATH},
        "route": {"cluster": OTLP, "timeout": "2s"},
        "request_headers_to_remove": ["authorization", "cookie", "x-csrf-token"],
        "typed_per_filter_config": {
            BUFFER: capped,
            TRANSCODER: typed("config.route.v3.FilterConfig", disabled=True),
        },
    }
