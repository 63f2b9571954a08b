"""Statistics."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.runtime import auth
from shodhana.runtime.timestamps import duration

from ..domain.figures import AGE_BANDS, DayFigures, DomainFigures, ExpertFigures
from .base import Rpcs, require
from .translation import counts_message

DEFAULT_DAYS = 30
SEES_GOLD = "metrics:admin"


class FigureRpcs(Rpcs):
    """Counts and rates."""

    async def GetStatistics(self, request: pb.GetStatisticsRequest, context: Any) -> pb.ReviewStatistics:
        require("reviews:read", "metrics:view")
        found = await self.ports.figures.statistics(request.days or DEFAULT_DAYS)
        oldest = found.oldest_pending
        sees_gold = SEES_GOLD in auth.principal().permissions
        return pb.ReviewStatistics(
            counts=counts_message(found.counts),
            oldest_pending_age=duration(oldest.total_seconds()) if oldest else None,
            overdue_count=found.overdue_count,
            experts=[_expert(expert, sees_gold) for expert in found.experts],
            domains=map(_domain, found.domains),
            days=map(_day, found.days),
            ages=[
                pb.AgeBand(min_share=share, case_count=count)
                for share, count in zip(AGE_BANDS, found.ages, strict=True)
            ],
            decided_last_hour_count=found.decided_last_hour_count,
            sla=duration(self.settings.sla_s),
            alpha=found.alpha,
        )


def _expert(expert: ExpertFigures, sees_gold: bool) -> pb.ExpertStatistics:
    decided = expert.decision_count
    return pb.ExpertStatistics(
        expert=expert.expert,
        decision_count=decided,
        accept_count=expert.accept_count,
        correct_count=expert.correct_count,
        reject_count=expert.reject_count,
        skip_count=expert.skip_count,
        escalate_count=expert.escalate_count,
        undone_count=expert.undone_count,
        median_duration=_optional_duration(expert.median_s),
        in_time_share=expert.in_time_count / decided if decided else 0,
        paired_count=expert.paired_count,
        agreed_count=expert.agreed_count,
        overturned_count=expert.overturned_count,
        gold_count=expert.gold_count if sees_gold else 0,
        gold_right_count=expert.gold_right_count if sees_gold else 0,
    )


def _domain(domain: DomainFigures) -> pb.DomainStatistics:
    return pb.DomainStatistics(
        domain=domain.domain,
        pending_count=domain.pending_count,
        overdue_count=domain.overdue_count,
        oldest_pending_age=_optional_duration(domain.oldest_pending.total_seconds() if domain.oldest_pending else None),
        disputed_count=domain.disputed_count,
        decision_count=domain.decision_count,
        median_wait=_optional_duration(domain.median_wait_s),
        paired_count=domain.paired_count,
        alpha=domain.alpha,
    )


def _day(day: DayFigures) -> pb.DayStatistics:
    return pb.DayStatistics(
        day=day.day.isoformat(),
        created_count=day.created_count,
        decided_count=day.decided_count,
        undone_count=day.undone_count,
        in_time_count=day.in_time_count,
    )


def _optional_duration(seconds: float | None) -> Duration | None:
    return None if seconds is None else duration(seconds)
