"""Calls to other services carry a token of the process's own account."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from shodhana import errors
from shodhana.api.identity.v1 import identity_pb2
from shodhana.api.similarity.v1 import similarity_pb2 as pb
from shodhana.api.similarity.v1 import similarity_pb2_grpc
from shodhana.runtime.channels import Channels
from shodhana.runtime.settings import RuntimeSettings

REQUEST = pb.SearchRequest(query="bakti")


def raising(error: Exception) -> Any:
    async def answer(request: Any, context: Any) -> Any:
        raise error

    return answer


async def failure(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value


@pytest.fixture
async def own_account(serve: Any, tmp_path: Any) -> AsyncIterator[tuple[Any, Callable[[], Any], list[str]]]:
    """A server whose IssueToken gives good tokens, a stub of a process with an account, and the tokens given."""
    served = await serve()
    given: list[str] = []

    async def issue(request: Any, context: Any) -> identity_pb2.IssueTokenResponse:
        if request.client_secret != "right":
            raise errors.Unauthenticated("wrong")
        given.append(served.sign(["lexicon:read"]))
        return identity_pb2.IssueTokenResponse(
            access_token=given[-1], expire_time=Timestamp(seconds=int(time.time()) + 600)
        )

    served.script.issue_token = issue
    settings = RuntimeSettings(
        service_account_id="tester",
        service_account_secret="right",
        identity_addresses=(served.target,),
        similarity_addresses=(served.target,),
    )
    async with Channels(settings) as channels:
        yield served, lambda: similarity_pb2_grpc.SimilarityServiceStub(channels.to("similarity")), given


def searches(served: Any) -> int:
    return sum(isinstance(call, pb.SearchRequest) for call in served.script.calls)


async def test_calls_carry_a_token_of_our_own_account_asked_for_once(own_account: Any) -> None:
    served, stub, given = own_account
    await asyncio.gather(*(stub().Search(REQUEST) for _ in range(20)))
    assert len(given) == 1
    assert searches(served) == 20


async def test_a_refused_token_is_replaced_without_a_restart(
    own_account: Any, signer: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shodhana.runtime.service_account.LEAST_AGE_S", 0)
    served, stub, given = own_account
    await stub().Search(REQUEST)
    (tmp_path / "key.json").unlink()  # a new key, and nobody told us
    fresh = type(signer)(tmp_path / "key.json", tmp_path / "jwks.json")
    sign = served.sign
    served.sign = lambda permissions: sign(permissions, fresh)
    await stub().Search(REQUEST)
    assert len(given) == 2
    assert searches(served) == 2


async def test_while_identity_is_down_the_present_token_serves(
    own_account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, stub, given = own_account
    await stub().Search(REQUEST)
    served.script.issue_token = raising(errors.Unavailable("down"))
    later = time.time() + 450  # past two thirds of its life
    monkeypatch.setattr("shodhana.runtime.service_account.time.time", lambda: later)
    for _ in range(5):
        await stub().Search(REQUEST)
    assert len(given) == 1
    assert searches(served) == 6


async def test_without_identity_there_is_no_call_and_a_quick_answer(own_account: Any) -> None:
    served, stub, _ = own_account
    served.script.issue_token = raising(errors.Unavailable("down"))
    began = time.monotonic()
    errors_seen = await asyncio.gather(*(failure(stub().Search(REQUEST, timeout=60)) for _ in range(50)))
    assert {error.code() for error in errors_seen} == {grpc.StatusCode.UNAVAILABLE}
    assert time.monotonic() - began < 20
    assert searches(served) == 0
