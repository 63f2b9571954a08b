"""Calls of the review service for its tests."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from shodhana.api.review.v1 import knowledge_pb2_grpc
from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.api.review.v1 import review_pb2_grpc as grpc_api
from shodhana.review.settings import ReviewSettings

Stub = Callable[..., Any]
EXPERT = ("expert_linguist",)
ADMIN = ("admin",)


class WithToken:
    """The stubs of the service, which send a token with each call."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self._stubs = (grpc_api.ReviewServiceStub(channel), knowledge_pb2_grpc.KnowledgeServiceStub(channel))
        self._metadata = (("authorization", f"Bearer {token}"),)

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        stub = next(stub for stub in self._stubs if hasattr(stub, name))
        return lambda request: getattr(stub, name)(request, metadata=self._metadata, timeout=20)


def claims(settings: ReviewSettings, user: str, permissions: Sequence[str]) -> dict[str, Any]:
    now = int(time.time())
    common = {"iss": settings.token_issuer, "aud": settings.token_audience, "iat": now, "exp": now + 600}
    return {**common, "sub": user, "permissions": list(permissions)}


def new_id() -> str:
    return str(uuid.uuid4())


async def create(stub: Stub, count: int, domain: str = "spiritual", request_id: str = "") -> list[str]:
    new = [
        pb.NewCase(domain=domain, heard=f"bakti {i}", filename="a.srt", suggestions=[pb.Suggestion(term="bhakti")])
        for i in range(count)
    ]
    transcripts = stub("services/transcripts", ["service_transcripts"])
    answer = await transcripts.CreateCases(pb.CreateCasesRequest(cases=new, request_id=request_id or new_id()))
    return list(answer.names)


async def claim(reviewer: Any, **fields: Any) -> pb.ClaimedCase:
    [held] = (await reviewer.ClaimCases(pb.ClaimCasesRequest(**fields))).cases
    return held


def accept(held: pb.ClaimedCase, request_id: str = "", **fields: Any) -> pb.DecideCaseRequest:
    fields = {"verdict": pb.VERDICT_ACCEPT, **fields}
    fence = held.lease.fencing_token
    return pb.DecideCaseRequest(
        name=held.review_case.name, fencing_token=fence, request_id=request_id or new_id(), **fields
    )


async def refusal(call: Any) -> tuple[grpc.StatusCode, str, dict[str, str]]:
    """Status, reason and metadata of a call that has to fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    status = rpc_status.from_call(caught.value)
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    assert any(detail.Unpack(info) for detail in status.details)
    return caught.value.code(), info.reason, dict(info.metadata)


async def violated_fields(call: Any) -> set[str]:
    """The fields that a call, which has to be refused for its arguments, is refused for."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status, found = rpc_status.from_call(caught.value), error_details_pb2.BadRequest()
    assert status is not None
    assert any(detail.Unpack(found) for detail in status.details)
    return {violation.field for violation in found.field_violations}
