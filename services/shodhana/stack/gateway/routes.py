"""Routes: one for each RPC, with its deadline and its retries, and those of REST before they are transcoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import browser_traces, dashboard, sessions
from .clusters import NOWHERE
from .contracts import Rpc
from .parameters import GatewayParameters
from .transcoding import BUFFER, TRANSCODER, body_cap, transcoder
from .values import Config, extension, seconds, typed

MAX_DIRECT_RESPONSE_BYTES = 4 * 1024 * 1024
PAGE_SECURITY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'"
PAGES = {
    "/docs": ("docs.html", "text/html; charset=utf-8"),
    "/docs.css": ("docs.css", "text/css; charset=utf-8"),
    "/docs.js": ("docs.js", "text/javascript; charset=utf-8"),
    "/openapi.json": ("openapi.json", "application/json"),
}
"""Path → file in the assets, content type; public."""
STREAM_FORMATS = {"application/x-ndjson": "stream_newline_delimited", "text/event-stream": "stream_sse_style_delimited"}


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """How long a kind of RPC may take and when it is sent again."""

    deadline_s: float
    retry_on: str
    retries: int
    try_s: float | None = None
    """Time of one attempt; None: the whole deadline."""


BROKEN = "connect-failure,refused-stream,reset-before-request,reset,unavailable,cancelled"  # a stopping server cancels
SELECTIONS = 20  # a dead replica has the fewest requests, so most selections choose it again
NEVER_ARRIVED = "connect-failure,refused-stream"
LOOK_UP = CallPolicy(deadline_s=10, retry_on=BROKEN, retries=3, try_s=1)
COMPUTATION = CallPolicy(deadline_s=60, retry_on=BROKEN, retries=3)
WRITE = CallPolicy(deadline_s=120, retry_on=NEVER_ARRIVED, retries=3)
STREAM = CallPolicy(deadline_s=3600, retry_on=NEVER_ARRIVED, retries=3)
QUICK = frozenset(
    {"/shodhana.api.similarity.v1.SimilarityService/Search", "/shodhana.api.embedding.v1.EmbeddingService/Tokenize"}
)
"""As quick as a look-up, though sent by POST: a replica that hangs must not take the whole deadline."""


def policy_of(rpc: Rpc) -> CallPolicy:
    """A read by GET looks something up; a read by POST computes, with few exceptions."""
    if rpc.client_streams or rpc.server_streams:
        return STREAM
    if not rpc.is_read:
        return WRITE
    is_look_up = rpc.path in QUICK or (rpc.http is not None and rpc.http.verb == "GET")
    return LOOK_UP if is_look_up else COMPUTATION


def route_configuration(parameters: GatewayParameters, rpcs: list[Rpc]) -> Config:
    """The routes of the public listener. What no route names is not found."""
    pages = [page_route(parameters, path, *page) for path, page in PAGES.items()]
    pages += [sessions.pages_route()] if parameters.auth else []
    pages += dashboard.routes(parameters.dashboard) if parameters.dashboard else []
    pages += [browser_traces.export_route()] if parameters.otlp else []
    routes = [rpc_route(rpc) for rpc in rpcs]
    streams = [rest_route(parameters, rpcs, accept, option) for accept, option in STREAM_FORMATS.items()]
    host = {
        "name": "api",
        "domains": ["*"],
        "typed_per_filter_config": {"envoy.filters.http.cors": cors_policy(parameters)},
        "routes": [*pages, *routes, *streams, rest_route(parameters, rpcs)],
    }
    return {
        "name": "public",
        "max_direct_response_body_size_bytes": MAX_DIRECT_RESPONSE_BYTES,
        "virtual_hosts": [host],
        **({"response_headers_to_add": [browser_traces.TRACE_ID]} if parameters.otlp else {}),
    }


def rpc_route(rpc: Rpc) -> Config:
    """`/package.Service/Method`: what gRPC and grpc-web ask for and REST becomes."""
    policy = policy_of(rpc)
    return {
        "name": rpc.path.lstrip("/"),
        "match": {"path": rpc.path},
        # The local reply to a refused call names what was missing.
        "metadata": {"filter_metadata": {"shodhana": {"permission": rpc.permission}}},
        "route": {
            "cluster": rpc.cluster,
            "idle_timeout": seconds(policy.deadline_s if policy is not STREAM else 600),
            "max_stream_duration": {
                "max_stream_duration": seconds(policy.deadline_s),
                "grpc_timeout_header_max": seconds(policy.deadline_s),
                "grpc_timeout_header_offset": "0.010s",
            },
            "retry_policy": retry_policy(policy),
        },
        "request_headers_to_remove": list(sessions.NOT_FOR_SERVICES),
        # Without it a service sees no deadline, since a route's own is not handed on.
        "request_headers_to_add": [
            {
                "header": {"key": "grpc-timeout", "value": f"{policy.deadline_s:g}S"},
                "append_action": "ADD_IF_ABSENT",
            }
        ],
    }


def retry_policy(policy: CallPolicy) -> Config:
    """Retries on another replica."""
    predicate = extension(
        "envoy.retry_host_predicates.previous_hosts",
        "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
    )
    one_try = {"per_try_timeout": seconds(policy.try_s)} if policy.try_s else {}
    return {
        "retry_on": policy.retry_on,
        "num_retries": policy.retries,
        **one_try,
        "retry_back_off": {"base_interval": "0.010s", "max_interval": "0.200s"},
        "retry_host_predicate": [predicate],
        "host_selection_retry_max_attempts": SELECTIONS,
    }


def rest_route(
    parameters: GatewayParameters, rpcs: list[Rpc], accept: str | None = None, stream_option: str | None = None
) -> Config:
    """`/v1/…` before the transcoder turns it into an RPC, which then takes the route of that RPC.

    `accept` chooses how a stream is written; without it, as one JSON array.
    """
    match: dict[str, Any] = {"prefix": "/v1/"}
    filters: Config = {BUFFER: body_cap()}
    if accept:
        match["headers"] = [{"name": "accept", "string_match": {"contains": accept}}]
        filters[TRANSCODER] = transcoder(parameters, rpcs, stream_option)
    # A cluster, though nothing ever gets there: CORS looks at its policy only on a route that has one.
    return {"match": match, "route": {"cluster": NOWHERE}, "typed_per_filter_config": filters}


def page_route(parameters: GatewayParameters, path: str, filename: str, content_type: str) -> Config:
    """A file of the assets, served from Envoy's memory."""
    headers = {
        "content-type": content_type,
        "content-security-policy": PAGE_SECURITY,
        "x-content-type-options": "nosniff",
        "cache-control": "max-age=300",
    }
    return {
        "match": {"path": path, "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]},
        "direct_response": {"status": 200, "body": {"filename": str(parameters.assets / filename)}},
        "response_headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
        "typed_per_filter_config": {TRANSCODER: typed("config.route.v3.FilterConfig", disabled=True)},
    }


def cors_policy(parameters: GatewayParameters) -> Config:
    """What browsers of the allowed origins may send and read."""
    return typed(
        "extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[{"exact": origin} for origin in parameters.allowed_origins],
        allow_methods="GET, POST, PATCH, DELETE, OPTIONS",
        allow_headers="authorization, content-type, grpc-timeout, traceparent, x-grpc-web, x-request-id, x-user-agent",
        expose_headers="grpc-message, grpc-status, grpc-status-details-bin, retry-after, x-request-id",
        max_age="86400",
    )
