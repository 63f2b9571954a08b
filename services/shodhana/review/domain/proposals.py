"""What decisions propose to the lexicon, and when it is agreed on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from shodhana.text.fold import popular_fold
from shodhana.text.iast import is_iast
from shodhana.text.normalize import nfc
from shodhana.text.scripts import has_devanagari

from .cases import Verdict
from .errors import NothingToLearn
from .trail import Lesson

MOST_WORDS = 4  # the correction looks at no longer runs
LEAST_LETTERS = 3
MOST_LETTERS = 200  # of a term of the lexicon
GENERAL_TYPES = frozenset({"lexicon_correction", "transliteration_fix", "false_positive"})
"""Kinds of decision that say something of the words, not of this place alone."""
OVERRULED = "an adjudicator decided otherwise"
_POSSESSIVE = re.compile("['’]s?$", re.IGNORECASE)


class ProposalState(Enum):
    """State of a proposal."""

    OPEN = "open"
    DISPUTED = "disputed"
    APPROVED = "approved"
    LIVE = "live"
    REFUSED = "refused"
    RETRACTING = "retracting"
    WITHDRAWN = "withdrawn"


class Resolution(Enum):
    """How an adjudicator settles a proposal."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Pair:
    """What was heard and the term it means; no term: it is right as it stands."""

    heard: str
    term: str

    @property
    def heard_key(self) -> str:
        return popular_fold(self.heard)


@dataclass(frozen=True, slots=True)
class Support:
    """A decision that speaks for a proposal."""

    decision_id: int
    case_id: int
    expert: str
    is_adjudication: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A proposal as the others of the same heard words are weighed against it; experts with a decision that stands."""

    proposal_id: int
    term: str
    is_live: bool
    expert_count: int
    settled_at: datetime | None
    """When an adjudicator last spoke for it."""
    resolution: Resolution | None
    refused_count: int | None
    """Experts when it was refused; None: it was not."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as it is shown."""

    proposal_id: int
    heard: str
    term: str
    domain: str
    gloss: str
    state: ProposalState
    kind: str
    reason: str
    expert_count: int
    lexicon_version: str
    resolution: Resolution | None
    resolver: str
    created_at: datetime
    updated_at: datetime
    supports: tuple[Support, ...] = ()


@dataclass(frozen=True, slots=True)
class ProposalQuery:
    """Which proposals, newest first."""

    states: tuple[ProposalState, ...] = ()
    heard: str = ""
    before: int | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Reach:
    """What a proposal would reach: cases, of them those with the very words, and some of the cases."""

    case_count: int
    same_words_count: int
    sample: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DecidedPair:
    """A pair with the experts who stand for it and the mean probability of what was suggested to them."""

    proposal_id: int
    heard: str
    term: str
    expert_count: int
    is_disputed: bool
    suggested_probability: float


class Proposals(Protocol):
    """Where proposals are kept."""

    async def absorb(self, lessons: Sequence[Lesson]) -> None:
        """Notes what the decisions speak for, or no longer do; the same lesson twice is as once."""
        ...

    async def find(self, query: ProposalQuery) -> list[Proposal]: ...

    async def proposal(self, proposal_id: int) -> Proposal:
        """Raises ProposalNotFound."""
        ...

    async def resolve(self, proposal_id: int, resolution: Resolution, resolver: str, request_id: str) -> Proposal:
        """Once for a request id. Raises ProposalNotFound, RequestIdReused, and NothingToPublish without a term."""
        ...

    async def reach(self, proposal: Proposal) -> Reach: ...

    async def pairs(self, after: int, limit: int) -> list[DecidedPair]: ...


def taught(lesson: Lesson) -> Pair | None:
    """What a decision says of the words that were heard, wherever they are heard; None: nothing."""
    if lesson.decision_type not in GENERAL_TYPES or not _is_learnable(lesson.heard):
        return None
    if lesson.verdict is Verdict.REJECT:
        return Pair(_bare(lesson.heard), "")
    heard, corrected = _bare(lesson.heard), _bare(lesson.corrected)
    term = _bare(lesson.entry) or corrected
    if heard[-1:] in ("s", "S") and corrected.casefold() == f"{term.casefold()}s":
        heard = heard[:-1]
    term = nfc(term).casefold()
    if term == nfc(heard).casefold() or not is_iast(term) or len(term.split()) > MOST_WORDS or len(term) > MOST_LETTERS:
        return None
    return Pair(heard, term)


def proposed(heard: str, term: str) -> Pair:
    """A pair that an expert proposes outright. Raises NothingToLearn, which says what is wrong."""
    pair = Pair(nfc(heard).strip(), nfc(term).strip().casefold())
    if not _is_learnable(pair.heard) or not pair.heard_key:
        raise NothingToLearn(
            "heard", f"at most {MOST_WORDS} words and at least {LEAST_LETTERS} letters, not Devanagari"
        )
    if not is_iast(pair.term) or len(pair.term.split()) > MOST_WORDS:
        raise NothingToLearn("term", f"a term is written in IAST, in at most {MOST_WORDS} words")
    if pair.term == pair.heard.casefold():
        raise NothingToLearn("heard", "it is the term itself: say how it is garbled, or spelled by others")
    return pair


def _bare(text: str) -> str:
    """Without what the speaker's grammar added to its end."""
    return _POSSESSIVE.sub("", nfc(text).strip())


def _is_learnable(heard: str) -> bool:
    letters = sum(letter.isalpha() for letter in heard)
    return letters >= LEAST_LETTERS and len(heard.split()) <= MOST_WORDS and not has_devanagari(heard)


def settled(standings: Sequence[Standing], quorum: int) -> Mapping[int, tuple[ProposalState, str]]:
    """State and reason of each of the proposals for the same heard words."""
    spoken = [one for one in standings if one.settled_at is not None and one.resolution is not Resolution.REJECT]
    winner = max(spoken, key=lambda one: (one.settled_at, one.proposal_id), default=None)
    voiced = [one for one in standings if one.expert_count and one.resolution is not Resolution.REJECT]
    return {one.proposal_id: _state(one, winner, len(voiced) > 1, quorum) for one in standings}


def _state(one: Standing, winner: Standing | None, is_disputed: bool, quorum: int) -> tuple[ProposalState, str]:
    idle, reason = ProposalState.OPEN, ""
    if one.resolution is Resolution.REJECT or not (one.expert_count or one is winner):
        is_wanted, idle = False, ProposalState.WITHDRAWN
    elif winner is not None:
        is_wanted, idle, reason = one is winner, ProposalState.REFUSED, OVERRULED
    elif is_disputed:  # what is live stays so until somebody settles it
        is_wanted, idle = one.is_live and one.expert_count >= quorum, ProposalState.DISPUTED
    else:
        is_wanted = one.expert_count >= quorum
    if not is_wanted or not one.term:
        state = ProposalState.RETRACTING if one.is_live else idle
        return state, reason if state is ProposalState.REFUSED else ""
    if one.is_live:
        return ProposalState.LIVE, ""
    was_refused = one.refused_count is not None and one.expert_count <= one.refused_count
    return (ProposalState.REFUSED if was_refused else ProposalState.APPROVED), ""
