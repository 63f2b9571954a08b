"""Answers Envoy's external authorization (envoy.service.auth.v3) of calls that come with a session cookie."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import grpc
import structlog
from google.rpc import code_pb2, status_pb2

import shodhana.api
from shodhana.api.gateway.v1 import check_pb2 as pb
from shodhana.errors import PermissionDenied, Unauthenticated
from shodhana.runtime import contracts, errors

from .domain.gate import Gate

SERVICE = "envoy.service.auth.v3.Authorization"
AUTHORIZATION = "authorization"
OVERWRITE = 2  # HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
UNAVAILABLE = 503
_log = structlog.get_logger()


class CheckServicer:
    """A call passes with a token in place of its cookie, or is answered 401 or 403."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        load_contracts()

    async def check(self, request: pb.CheckRequest, context: Any) -> pb.CheckResponse:
        call = request.attributes.request.http
        headers = {header.key: header.value for header in call.headers}
        if headers.get(AUTHORIZATION):
            return passed()  # a caller that shows its own token is not asked for another
        is_write = not contracts.is_read(call.path.partition("?")[0])
        try:
            token = await self._gate.token(headers, is_write)
        except Exception as error:
            return refused(error)
        return passed(f"Bearer {token.text}")

    def add_to(self, server: grpc.aio.Server) -> None:
        """Serves it under the name that Envoy calls."""
        handler = grpc.unary_unary_rpc_method_handler(
            self.check,
            request_deserializer=pb.CheckRequest.FromString,
            response_serializer=pb.CheckResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Check": handler}),))


def passed(authorization: str = "") -> pb.CheckResponse:
    """Lets the call on, with this header."""
    response = pb.CheckResponse(ok_response=pb.PassedCall())
    if authorization:
        header = pb.HeaderValue(key=AUTHORIZATION, value=authorization)
        response.ok_response.headers.add(header=header, append_action=OVERWRITE)
    return response


def refused(error: Exception) -> pb.CheckResponse:
    """Answers the caller: 401 ends a session, 403 is a missing CSRF token, 503 anything that may pass."""
    known = errors.as_domain_error(error)
    if known is None:
        _log.error("check_failed", exc_info=error)
    status = 401 if isinstance(known, Unauthenticated) else 403 if isinstance(known, PermissionDenied) else UNAVAILABLE
    body = known.message if known else "sessions cannot be looked up"
    denied = pb.DeniedCall(status=pb.HttpStatus(code=status), body=body)
    return pb.CheckResponse(status=status_pb2.Status(code=code_pb2.PERMISSION_DENIED), denied_response=denied)


def load_contracts() -> None:
    """Makes every service's contract known: which of its methods only read stands there."""
    for module in pkgutil.walk_packages(shodhana.api.__path__, "shodhana.api."):
        if module.name.endswith("_pb2"):
            importlib.import_module(module.name)
