"""Bulk decisions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.errors import FieldViolation, InvalidInput
from shodhana.runtime.timestamps import timestamp

from ..domain.bulk import BulkAnswer, BulkDecision, BulkPreview, BulkQuery
from ..domain.cases import Verdict
from ..domain.errors import QueryTooWide
from .base import Rpcs, caller
from .queue import decided
from .translation import VERDICTS_BY_NUMBER, case_message, decision_type


class BulkRpcs(Rpcs):
    """One decision for many cases."""

    async def PreviewBulkDecision(self, request: pb.PreviewBulkDecisionRequest, context: Any) -> pb.BulkPreview:
        query = request.query
        if not query.heard and not query.filename:
            raise QueryTooWide
        wanted = BulkQuery(
            heard=query.heard,
            filename=query.filename,
            domains=tuple(query.domains),
            suggested_term=query.suggested_term,
            min_probability=query.min_probability,
        )
        return _preview(await self.ports.bulk.preview(wanted, _answer(request)))

    async def ApplyBulkDecision(self, request: pb.ApplyBulkDecisionRequest, context: Any) -> pb.BulkDecision:
        bulk_id = request.preview.removeprefix("bulkPreviews/")
        return self._outcome(await self.ports.bulk.apply(bulk_id, caller(), request.request_id))

    async def UndoBulkDecision(self, request: pb.UndoBulkDecisionRequest, context: Any) -> pb.BulkDecision:
        bulk_id = request.name.removeprefix("bulkDecisions/")
        return self._outcome(await self.ports.bulk.undo(bulk_id, caller(), self.settings.undo_window_s))

    def _outcome(self, bulk: BulkDecision) -> pb.BulkDecision:
        return pb.BulkDecision(
            name=f"bulkDecisions/{bulk.bulk_id}",
            decided_count=bulk.decided_count,
            missed_count=bulk.missed_count,
            undone_count=bulk.undone_count,
            undo_deadline=timestamp(bulk.applied_at + timedelta(seconds=self.settings.undo_window_s)),
        )


def _answer(request: pb.PreviewBulkDecisionRequest) -> BulkAnswer:
    verdict = VERDICTS_BY_NUMBER[request.verdict]
    if verdict is not Verdict.CORRECT and request.decided_text:
        message = "only verdict CORRECT takes a text"
        raise InvalidInput(message, [FieldViolation("decided_text", message)])
    text, term = decided(verdict, request.decided_text, request.decided_term)
    return BulkAnswer(
        verdict=verdict,
        decision_type=decision_type(request.decision_type),
        comment=request.comment,
        expert=caller(),
        decided_text=text,
        decided_term=term,
    )


def _preview(preview: BulkPreview) -> pb.BulkPreview:
    reach = preview.reach
    return pb.BulkPreview(
        name=f"bulkPreviews/{preview.bulk_id}",
        case_count=reach.case_count,
        is_truncated=reach.is_truncated,
        held_count=reach.held_count,
        file_count=reach.file_count,
        domains=[pb.DomainCount(domain=name, case_count=count) for name, count in sorted(reach.by_domain.items())],
        changes=[
            pb.BulkChange(heard=heard, decided_text=text, case_count=count) for (heard, text), count in reach.changes
        ],
        sample=map(case_message, preview.sample),
        expire_time=timestamp(preview.expires_at),
    )
