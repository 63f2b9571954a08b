"""A fail-over of Postgres, short (`python -m tests.high_availability.drill` is longer)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.api.review.v1 import review_pb2_grpc as grpc_api

from tests.high_availability.decisions import Course, fail_over
from tests.high_availability.pair import Pair
from tests.high_availability.reviewing import decision_on, fill, review_service, stored_decisions, tokens
from tests.high_availability.test_reads import hanging

SHORT_S = 3.0


def test_no_acknowledged_decision_is_lost_with_a_synchronous_standby_that_lags() -> None:
    outcome = fail_over(Course(is_synchronous=True, seconds=3, lag_s=0.2))
    assert outcome.acknowledged > 0
    assert (outcome.lost, outcome.doubled) == (0, 0)


async def test_while_the_standby_is_away_a_decision_is_not_acknowledged_however_often_it_is_sent(
    own_pair: Pair, tmp_path: Path
) -> None:
    await fill(own_pair.primary.url, 10)
    await asyncio.to_thread(own_pair.set_synchronous)
    with review_service(own_pair, tmp_path, {"QUERY_TIMEOUT_S": str(SHORT_S)}) as target:
        metadata = (("authorization", f"Bearer {tokens(tmp_path, 1)[0]}"),)
        async with grpc.aio.insecure_channel(target) as channel:
            stub: Any = grpc_api.ReviewServiceStub(channel)
            claimed = await stub.ClaimCases(pb.ClaimCasesRequest(count=1), metadata=metadata, timeout=30)
            decision = decision_on(claimed.cases[0])
            with hanging(own_pair.processes[1]):
                for _ in range(3):
                    with pytest.raises(grpc.aio.AioRpcError) as refused:
                        await stub.DecideCase(decision, metadata=metadata, timeout=3 * SHORT_S)
                    assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            await stub.DecideCase(decision, metadata=metadata, timeout=30)
    assert await stored_decisions(own_pair.standby.url) == ({decision.request_id}, 0)
