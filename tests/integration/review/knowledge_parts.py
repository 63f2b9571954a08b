"""The lexicon and the correction as the learner asks them, in memory: what is spelled so is applied, else suggested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg
from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.review.adapters.postgres_proposals import PostgresProposals
from shodhana.review.adapters.postgres_publications import PostgresPublications
from shodhana.review.adapters.postgres_queue import PostgresQueue
from shodhana.review.adapters.postgres_rescorings import PostgresKnownAnswers, PostgresRescorings
from shodhana.review.adapters.postgres_trail import PostgresTrail
from shodhana.review.adapters.relay import Relay
from shodhana.review.domain.canary import Canary, KnownAnswer
from shodhana.review.domain.cases import Answer, Claim, FirstSuggestion, NewCase, Verdict
from shodhana.review.domain.learner import Learner
from shodhana.review.domain.places import Assessment, Place, PlaceOutcome, Suggested
from shodhana.review.domain.publications import AmendmentRefused, Effect, LexiconVersion, Outcome, Publication
from shodhana.review.domain.rescoring import Rescorer

from tests.integration.review.calls import new_id

HEARD, TERM, MISTAKEN = "kutichaka", "kuṭīcaka", "kīcaka"


class MemoryLexicon:
    """The port `Lexicon`; `taken` are spellings of other terms, `refused` is no term."""

    def __init__(self) -> None:
        self.pairs: dict[str, frozenset[tuple[str, str]]] = {"lexiconVersions/1": frozenset()}
        self.made: dict[str, tuple[LexiconVersion, tuple[Outcome, ...]]] = {}
        self.active_name = "lexiconVersions/1"
        self.taken: dict[str, str] = {}
        self.refused = ""

    async def active(self) -> LexiconVersion:
        return await self.version(self.active_name)

    async def version(self, name: str) -> LexiconVersion:
        return LexiconVersion(name, str(sorted(self.pairs[name])))

    async def amend(self, publication: Publication) -> tuple[LexiconVersion, tuple[Outcome, ...]]:
        if any(change.term == self.refused for change in publication.changes):
            raise AmendmentRefused(f"{self.refused} is no term")
        if publication.request_id not in self.made:
            self.made[publication.request_id] = self._make(publication)
        return self.made[publication.request_id]

    def _make(self, publication: Publication) -> tuple[LexiconVersion, tuple[Outcome, ...]]:
        pairs, outcomes = set(self.pairs[self.active_name]), []
        for change in publication.changes:
            pair = (change.heard, change.term)
            if change.is_removal:
                outcomes.append(Outcome(Effect.ENTRY_REMOVED if pair in pairs else Effect.NONE))
                pairs.discard(pair)
            elif change.heard in self.taken and not change.is_resolved:
                outcomes.append(Outcome(Effect.REFUSED, (self.taken[change.heard],)))
            else:
                outcomes.append(Outcome(Effect.NONE if pair in pairs else Effect.ENTRY_ADDED))
                pairs.add(pair)
        if pairs == self.pairs[self.active_name]:
            return LexiconVersion(self.active_name, str(sorted(pairs))), tuple(outcomes)
        name = f"lexiconVersions/{len(self.pairs) + 1}"
        self.pairs[name] = frozenset(pairs)
        return LexiconVersion(name, str(sorted(pairs)), self.active_name), tuple(outcomes)

    async def activate(self, name: str) -> None:
        self.active_name = name


@dataclass
class MemoryPlaces:
    """The ports `Places` and `FinishedFiles`; `harmed` are words that a version with anything learned gets wrong."""

    lexicon: MemoryLexicon
    harmed: set[str] = field(default_factory=set)
    rechecked: list[tuple[tuple[str, ...], str]] = field(default_factory=list)

    async def assess(self, places: Sequence[Place], version: str) -> list[Assessment]:
        return [self._assessed(place.context[place.start : place.end], version) for place in places]

    def _assessed(self, heard: str, version: str) -> Assessment:
        known = dict(self.lexicon.pairs[version])
        if heard in known:
            return Assessment(PlaceOutcome.APPLIED, (suggested(known[heard], 0.97),))
        if known and heard in self.harmed:
            return Assessment(PlaceOutcome.APPLIED, (suggested("mistake", 0.9),))
        return Assessment(PlaceOutcome.SUGGESTED, (suggested(MISTAKEN, 0.7),))

    async def recheck(self, heard: Sequence[str], version: str) -> int:
        self.rechecked.append((tuple(heard), version))
        return len(heard)

    async def count(self, heard: Sequence[str]) -> int:
        return len(heard)


def suggested(term: str, probability: float) -> Suggested:
    return Suggested(term, term, probability, pb.Suggestion(term=term, text=term, probability=probability))


@dataclass
class School:
    """A queue, and a learner over it that is asked step by step."""

    pool: asyncpg.Pool
    lexicon: MemoryLexicon
    places: MemoryPlaces
    sample_share: float = 0.0
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = PostgresQueue(self.pool, sla_s=3600.0)
        self.proposals = PostgresProposals(self.pool, 2)
        self.publications = PostgresPublications(self.pool, 2)
        self.relay = Relay(self.pool)

    def learner(self) -> Learner:
        return Learner(
            lessons=PostgresTrail(self.pool, self.pool),
            proposals=self.proposals,
            publications=self.publications,
            lexicon=self.lexicon,
            canary=Canary(PostgresKnownAnswers(self.pool), self.places),
            files=self.places,
            rescorer=Rescorer(PostgresRescorings(self.pool), self.places, self.lexicon, self.sample_share),
            when_active=self.waits.append,
        )

    async def learn(self) -> None:
        """All that there is to learn."""
        learner = self.learner()
        await self.relay._drain_once()  # what a replica does in the background
        while await learner.step():
            pass

    async def add(self, *heard: str) -> list[int]:
        """A case for each, with the mistaken suggestion."""
        cases = [
            NewCase("spiritual", one, f"{place}.srt", _body(one), suggestion=FirstSuggestion(MISTAKEN, MISTAKEN, 0.7))
            for place, one in enumerate(heard)
        ]
        return list((await self.queue.add(cases, new_id())).case_ids)

    async def decide(self, case_id: int, expert: str, text: str = TERM) -> None:
        claim = Claim(1, (), expert, 60, new_id(), case_ids=(case_id,))
        [(_, lease)] = await self.queue.claim(claim)
        verdict = Verdict.CORRECT if text else Verdict.REJECT
        wanted = (case_id, lease.fence, verdict, "lexicon_correction", text, "a hermit", expert, new_id())
        await self.queue.decide(Answer(*wanted))

    async def undo(self, case_id: int, expert: str) -> None:
        await self.queue.undo(case_id, expert, 300, new_id())

    async def states(self, case_ids: Sequence[int]) -> list[str]:
        return [case.state.value for case in await self.queue.cases(case_ids)]


def _body(heard: str) -> bytes:
    context = f"He was a {heard} then."
    end = 9 + len(heard)
    suggestions = [pb.Suggestion(term=MISTAKEN, text=MISTAKEN, probability=0.7)]
    case = pb.NewCase(heard=heard, context=context, context_start=9, context_end=end, suggestions=suggestions)
    case.domain, case.lexicon_version = "spiritual", "lexiconVersions/1"
    return case.SerializeToString()


def known_answers() -> tuple[KnownAnswer, ...]:
    """In place of the shipped ones, which the lexicon in memory knows nothing of."""
    return (KnownAnswer(Place("the harbour lies open", 4, 11), frozenset()),)
