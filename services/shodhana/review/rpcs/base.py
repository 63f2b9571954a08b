"""What every part of the servicer has at hand."""

from __future__ import annotations

from dataclasses import dataclass

from shodhana.errors import PermissionDenied
from shodhana.runtime import auth

from ..domain.bulk import BulkDecisions
from ..domain.gold import GoldCases
from ..domain.insight import Insight
from ..domain.notes import Notes
from ..domain.proposals import Proposals
from ..domain.publications import FinishedFiles, Publications
from ..domain.queue import CaseChanges, ReviewFigures, ReviewQueue
from ..domain.trail import Trail
from ..settings import ReviewSettings

DEFAULT_PAGE = 20


@dataclass(frozen=True, slots=True)
class ReviewPorts:
    """All that the servicer speaks to."""

    queue: ReviewQueue
    figures: ReviewFigures
    notes: Notes
    bulk: BulkDecisions
    gold: GoldCases
    trail: Trail
    changes: CaseChanges
    proposals: Proposals
    publications: Publications
    files: FinishedFiles
    insight: Insight


class Rpcs:
    """A part of the servicer."""

    def __init__(self, ports: ReviewPorts, settings: ReviewSettings) -> None:
        self.ports = ports
        self.settings = settings


def caller() -> str:
    """Subject of the caller."""
    return auth.principal().subject


def require(*permissions: str) -> None:
    """Raises PermissionDenied for a caller who has none of these, naming the first."""
    if not auth.principal().permissions.intersection(permissions):
        message = f"{caller()} lacks permission {' or '.join(permissions)}"
        raise PermissionDenied(message, metadata={"permission": permissions[0]})
