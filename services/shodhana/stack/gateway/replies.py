"""What Envoy itself answers: errors as google.rpc.Status, in JSON for REST and in trailers for gRPC."""

from __future__ import annotations

from base64 import b64encode

from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from .tokens import CLAIMS, JWT
from .transcoding import REST_SCRIPT
from .values import Config

STATUSES: dict[int, tuple[int, str]] = {
    400: (3, "INVALID_INPUT"),
    401: (16, "TOKEN_INVALID"),
    404: (5, "RESOURCE_NOT_FOUND"),
    408: (4, "DEADLINE_EXCEEDED"),
    413: (8, "LIMIT_EXCEEDED"),
    415: (3, "INVALID_INPUT"),
    431: (8, "LIMIT_EXCEEDED"),
    500: (13, "INTERNAL"),
    502: (14, "DEPENDENCY_UNAVAILABLE"),
    503: (14, "DEPENDENCY_UNAVAILABLE"),
    504: (4, "DEADLINE_EXCEEDED"),
}
"""HTTP status → gRPC code, value of ErrorReason without its prefix."""
PERMISSION = "%METADATA(ROUTE:shodhana:permission)%"
REFUSED = f"the token lacks permission {PERMISSION}"
NOT_READY = "a service has no healthy replica, or the gateway is draining"
RETRY_AFTER_S = 1
TOO_MANY = "too many calls: wait a second"
NOBODY_THERE = "no replica of the service is healthy: come again in a second"
NO_SESSIONS = "sessions cannot be looked up"
BODY = "%LOCAL_REPLY_BODY%"
JSON = "application/json"
SPOKE_GRPC: list[Config] = [
    {"header_filter": {"header": {"name": "content-type", "string_match": {"prefix": "application/grpc"}}}},
    # Else it is REST, transcoded.
    {"header_filter": {"header": {"name": "x-envoy-original-path", "present_match": True, "invert_match": True}}},
]


def local_replies() -> Config:
    """The mappers, of which the first that matches answers; other local replies (pages) stay as they are."""
    return {
        "mappers": [
            mapper([written_by_script()], text(BODY, JSON)),
            mapper([status_is(503), path_is("/ready")], status(14, NOT_READY, "DEPENDENCY_UNAVAILABLE")),
            mapper([was_asked_about(), status_is(503), *SPOKE_GRPC], text(NO_SESSIONS)),
            mapper([was_asked_about(), status_is(503)], status(14, NO_SESSIONS, "DEPENDENCY_UNAVAILABLE")),
            mapper([was_asked_about(), *SPOKE_GRPC], text(BODY)),
            mapper([was_asked_about(), status_is(401)], status(16, BODY, "SESSION_ENDED")),
            mapper([was_asked_about(), status_is(403)], status(7, BODY, "CSRF_TOKEN_INVALID")),
            mapper([status_is(403), token_holds(), *SPOKE_GRPC], text(REFUSED)),
            mapper([status_is(403), token_holds()], status(7, REFUSED, "PERMISSION_MISSING", permission=PERMISSION)),
            # To a token for another audience the token check says 403; it is no valid token here: 401.
            {**mapper([status_is(403), *SPOKE_GRPC], text(BODY)), "status_code": 401},
            {**mapper([status_is(403)], status(16, BODY, "TOKEN_INVALID")), "status_code": 401},
            {
                **mapper([status_is(429), *SPOKE_GRPC], text(TOO_MANY)),
                "headers_to_add": [details(8, TOO_MANY, "LIMIT_EXCEEDED")],
            },
            mapper([status_is(429)], status(8, TOO_MANY, "LIMIT_EXCEEDED", retry_after_s=RETRY_AFTER_S)),
            {
                **mapper([nobody_there(), *SPOKE_GRPC], text(NOBODY_THERE)),
                "headers_to_add": [details(14, NOBODY_THERE, "DEPENDENCY_UNAVAILABLE")],
            },
            mapper([nobody_there()], status(14, NOBODY_THERE, "DEPENDENCY_UNAVAILABLE", retry_after_s=RETRY_AFTER_S)),
            mapper([status_is(400, "GE"), *SPOKE_GRPC], text(BODY)),
            *(mapper([status_is(code)], status(grpc, BODY, reason)) for code, (grpc, reason) in STATUSES.items()),
            mapper([status_is(400, "GE")], status(2, BODY, "INTERNAL")),
        ]
    }


def mapper(filters: list[Config], body: Config) -> Config:
    """Answers with `body` where all of `filters` match."""
    matched = filters[0] if len(filters) == 1 else {"and_filter": {"filters": filters}}
    return {"filter": matched, "body_format_override": body}


def text(template: str, content_type: str | None = None) -> Config:
    """gRPC puts it into `grpc-message`."""
    found: Config = {"text_format_source": {"inline_string": template}}
    return {**found, "content_type": content_type} if content_type else found


def status(code: int, message: str, reason: str, retry_after_s: int = 0, **metadata: str) -> Config:
    """google.rpc.Status with ErrorInfo and RequestInfo, and RetryInfo where a time is given."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "shodhana.api",
        "metadata": metadata,
    }
    request = {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "%REQ(X-REQUEST-ID)%"}
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_after_s}s"}
    reply = {"code": code, "message": message, "details": [info, request, *([retry] if retry_after_s else [])]}
    return {"json_format": reply, "content_type": JSON}


def details(code: int, message: str, reason: str) -> Config:
    """ErrorInfo and RetryInfo for gRPC, whose details are a header; `message` is what `grpc-message` says."""
    info = packed(ErrorInfo(reason=reason, domain="shodhana.api"))
    retry = packed(RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S)))
    value = b64encode(Status(code=code, message=message, details=[info, retry]).SerializeToString()).decode()
    return {"header": {"key": "grpc-status-details-bin", "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def packed(message: Message) -> Packed:
    wrapped = Packed()
    wrapped.Pack(message)
    return wrapped


def status_is(code: int, operator: str = "EQ") -> Config:
    value = {"default_value": code, "runtime_key": f"local_reply.{operator}.{code}"}
    return {"status_code_filter": {"comparison": {"op": operator, "value": value}}}


def path_is(path: str) -> Config:
    return {"header_filter": {"header": {"name": ":path", "string_match": {"exact": path}}}}


def written_by_script() -> Config:
    """The REST script writes its whole status itself."""
    matcher = {"filter": REST_SCRIPT, "path": [{"key": "refused"}], "value": {"bool_match": True}}
    return {"metadata_filter": {"matcher": matcher, "match_if_key_not_found": False}}


def was_asked_about() -> Config:
    """Identity refused the session, or could not be asked."""
    return {"response_flag_filter": {"flags": ["UAEX"]}}


def nobody_there() -> Config:
    """No replica is healthy: the call reached nobody."""
    return {"response_flag_filter": {"flags": ["UH"]}}


def token_holds() -> Config:
    """The token was verified: its claims are there."""
    matcher = {"filter": JWT, "path": [{"key": CLAIMS}, {"key": "iss"}], "value": {"present_match": True}}
    return {"metadata_filter": {"matcher": matcher, "match_if_key_not_found": False}}
