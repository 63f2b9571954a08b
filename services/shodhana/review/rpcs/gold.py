"""Cases whose answer is known."""

from __future__ import annotations

from typing import Any

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.runtime.pages import encode_page_token
from shodhana.runtime.timestamps import timestamp

from ..domain.cases import Verdict
from ..domain.gold import GoldCase, NewGoldCase
from .base import DEFAULT_PAGE, Rpcs
from .queue import decided, new_case
from .reading import position

DEFAULT_COPIES = 5


class GoldRpcs(Rpcs):
    """For administrators."""

    async def CreateGoldCases(self, request: pb.CreateGoldCasesRequest, context: Any) -> pb.CreateGoldCasesResponse:
        ids = await self.ports.gold.add([_new(case) for case in request.cases], request.request_id)
        return pb.CreateGoldCasesResponse(names=[f"goldCases/{gold_id}" for gold_id in ids])

    async def ListGoldCases(self, request: pb.ListGoldCasesRequest, context: Any) -> pb.ListGoldCasesResponse:
        size = request.page_size or DEFAULT_PAGE
        found = await self.ports.gold.find(position(request.page_token), size + 1)
        token = encode_page_token({"id": found[size - 1].gold_id}) if len(found) > size else ""
        return pb.ListGoldCasesResponse(cases=map(_gold, found[:size]), next_page_token=token)


def _new(gold: pb.NewGoldCase) -> NewGoldCase:
    texts = (decided(Verdict.CORRECT, text, "")[0] for text in gold.right_texts)
    return NewGoldCase(new_case(gold.review_case), tuple(texts), gold.copies or DEFAULT_COPIES)


def _gold(gold: GoldCase) -> pb.GoldCase:
    return pb.GoldCase(
        name=f"goldCases/{gold.gold_id}",
        heard=gold.heard,
        domain=gold.domain,
        right_texts=gold.right_texts,
        copy_count=gold.copy_count,
        decision_count=gold.decision_count,
        right_count=gold.right_count,
        create_time=timestamp(gold.created_at),
    )
