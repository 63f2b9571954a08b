"""What Envoy itself answers: errors as google.rpc.Status, in JSON for REST and in trailers for gRPC."""

from __future__ import annotations

from .transcoding import FIELD_CHECK
from .values import Config

STATUSES: dict[int, tuple[int, str]] = {
    400: (3, "INVALID_INPUT"),
    401: (16, "TOKEN_INVALID"),
    403: (7, "PERMISSION_MISSING"),
    404: (5, "RESOURCE_NOT_FOUND"),
    408: (4, "DEADLINE_EXCEEDED"),
    413: (8, "LIMIT_EXCEEDED"),
    415: (3, "INVALID_INPUT"),
    429: (8, "LIMIT_EXCEEDED"),
    431: (8, "LIMIT_EXCEEDED"),
    500: (13, "INTERNAL"),
    502: (14, "DEPENDENCY_UNAVAILABLE"),
    503: (14, "DEPENDENCY_UNAVAILABLE"),
    504: (4, "DEADLINE_EXCEEDED"),
}
"""HTTP status → gRPC code, value of ErrorReason without its prefix."""
PERMISSION = "%METADATA(ROUTE:shodhana:permission)%"
REFUSED = f"the token lacks permission {PERMISSION}"
BODY = "%LOCAL_REPLY_BODY%"
JSON = "application/json"


def local_replies() -> Config:
    """The mappers, of which the first that matches answers; other local replies (pages) stay as they are."""
    return {
        "mappers": [
            field_check_mapper(),
            not_ready_mapper(),
            grpc_mapper(403, REFUSED),
            grpc_mapper(400, BODY),
            *(rest_mapper(status, code, reason) for status, (code, reason) in STATUSES.items()),
            rest_mapper(400, 2, "INTERNAL", operator="GE"),
        ]
    }


def field_check_mapper() -> Config:
    """The field check writes its whole status itself."""
    marked = {
        "filter": FIELD_CHECK,
        "path": [{"key": "refused"}],
        "value": {"bool_match": True},
    }
    return {
        "filter": {"metadata_filter": {"matcher": marked, "match_if_key_not_found": False}},
        "body_format_override": {"text_format_source": {"inline_string": BODY}, "content_type": JSON},
    }


def not_ready_mapper() -> Config:
    """Why /ready says no; the health check itself has no words."""
    asked = {"name": ":path", "string_match": {"exact": "/ready"}}
    filters = [status_filter(503, "EQ", "ready"), {"header_filter": {"header": asked}}]
    message = "a service has no healthy replica, or the gateway is draining"
    reply = {"json_format": {"code": 14, "message": message, "details": []}, "content_type": JSON}
    return {"filter": {"and_filter": {"filters": filters}}, "body_format_override": reply}


def grpc_mapper(status: int, message: str) -> Config:
    """Callers that spoke gRPC get the message in `grpc-message`, not a JSON document in it."""
    spoke_grpc = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
    spoke_rest = {"name": "x-envoy-original-path", "present_match": True, "invert_match": True}
    operator = "EQ" if status == 403 else "GE"
    filters = [
        status_filter(status, operator, "grpc"),
        {"header_filter": {"header": spoke_grpc}},
        {"header_filter": {"header": spoke_rest}},
    ]
    return {
        "filter": {"and_filter": {"filters": filters}},
        "body_format_override": {"text_format_source": {"inline_string": message}},
    }


def rest_mapper(status: int, code: int, reason: str, operator: str = "EQ") -> Config:
    """google.rpc.Status with ErrorInfo."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "shodhana.api",
        "metadata": {"permission": PERMISSION} if status == 403 else {},
    }
    request = {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "%REQ(X-REQUEST-ID)%"}
    message = REFUSED if status == 403 else BODY
    return {
        "filter": status_filter(status, operator, "rest"),
        "body_format_override": {
            "json_format": {"code": code, "message": message, "details": [info, request]},
            "content_type": JSON,
        },
    }


def status_filter(status: int, operator: str, kind: str) -> Config:
    value = {"default_value": status, "runtime_key": f"local_reply.{kind}.{operator}.{status}"}
    return {"status_code_filter": {"comparison": {"op": operator, "value": value}}}
