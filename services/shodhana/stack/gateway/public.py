"""The public listener: TLS, bounds, hygiene, traces and the access log."""

from __future__ import annotations

from . import clusters
from .call_counts import call_counts
from .connections import http_manager
from .contracts import Rpc
from .filters import http_filters
from .parameters import GatewayParameters
from .replies import local_replies
from .routes import route_configuration
from .tls import downstream_tls
from .tokens import CLAIMS, JWT
from .values import Config, extension, socket_address


def public_listener(parameters: GatewayParameters, rpcs: list[Rpc]) -> Config:
    """REST, gRPC and grpc-web over TLS on one port."""
    manager = public_manager(parameters, rpcs)
    return {
        "name": "public",
        "address": socket_address(parameters.listen),
        "enable_reuse_port": False,  # a stale gateway on the port must fail the start, not share its calls
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        "filter_chains": [{"transport_socket": downstream_tls(parameters), "filters": [manager]}],
    }


def public_manager(parameters: GatewayParameters, rpcs: list[Rpc]) -> Config:
    """Bounds, hygiene, logs and traces of every request, and what becomes of it."""
    return http_manager(
        "public",
        route_configuration(parameters, rpcs),
        http_filters(parameters, rpcs),
        **edge_hygiene(),
        common_http_protocol_options={
            "idle_timeout": "300s",
            "max_headers_count": 100,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        max_request_headers_kb=32,
        request_headers_timeout="10s",
        stream_idle_timeout="600s",
        drain_timeout="5s",
        http2_protocol_options={
            "max_concurrent_streams": 200,
            "initial_stream_window_size": 1024 * 1024,
            "initial_connection_window_size": 4 * 1024 * 1024,
        },
        access_log=[access_log(), call_counts()],
        **({"tracing": tracing(parameters)} if parameters.otlp else {}),
        local_reply_config=local_replies(),
    )


def edge_hygiene() -> Config:
    """Nothing a caller sends is taken for Envoy's or a service's own word."""
    claimed = {"key_matcher": {"safe_regex": {"regex": "x-(auth|user|jwt)-.*"}}}
    return {
        "use_remote_address": True,
        # Callers from private networks are callers too: their x-envoy-* headers are dropped.
        "internal_address_config": {"unix_sockets": False},
        "early_header_mutation_extensions": [
            extension(
                "envoy.http.early_header_mutation.header_mutation",
                "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                mutations=[{"remove_on_match": claimed}],
            )
        ],
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "server_header_transformation": "OVERWRITE",
        "server_name": "gateway",
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
    }


def tracing(parameters: GatewayParameters) -> Config:
    """W3C trace context in and out; the span of each upstream call is the parent of the service's."""
    subject = {
        "tag": "enduser.id",
        "metadata": {"kind": {"request": {}}, "metadata_key": {"key": JWT, "path": [{"key": CLAIMS}, {"key": "sub"}]}},
    }
    provider = extension(
        "envoy.tracers.opentelemetry",
        "config.trace.v3.OpenTelemetryConfig",
        service_name="gateway",
        grpc_service={"envoy_grpc": {"cluster_name": clusters.OTLP}, "timeout": "1s"},
    )
    return {
        "random_sampling": {"value": parameters.sampling_percent},
        "spawn_upstream_span": True,
        "operation": "%REQ(:PATH)%",
        "upstream_operation": "%REQ(:PATH)%",
        "custom_tags": [subject],
        "provider": provider,
    }


def access_log() -> Config:
    """One JSON line a request, without token and without query (which may hold text)."""
    fields = {
        "time": "%START_TIME%",
        "method": "%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)%",
        "path": "%PATH(NQ:ORIG_OR_PATH)%",
        "rpc": "%PATH(NQ:PATH)%",
        "status": "%RESPONSE_CODE%",
        "grpc_status": "%GRPC_STATUS%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "duration_ms": "%DURATION%",
        "received_bytes": "%BYTES_RECEIVED%",
        "sent_bytes": "%BYTES_SENT%",
        "upstream": "%UPSTREAM_HOST%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "trace_id": "%TRACE_ID%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "subject": f"%DYNAMIC_METADATA({JWT}:{CLAIMS}:sub)%",
    }
    return extension(
        "envoy.access_loggers.stdout",
        "extensions.access_loggers.stream.v3.StdoutAccessLog",
        log_format={"json_format": fields},
    )
