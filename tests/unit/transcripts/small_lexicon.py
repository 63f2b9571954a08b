"""A corrector over a small lexicon in memory, and its ports."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rapidfuzz import fuzz
from shodhana.sound.distance import sound_distance
from shodhana.sound.units import heard_letters, units_of_iast
from shodhana.text.fold import popular_fold
from shodhana.transcripts.domain.corrected import Corrected, CorrectionOptions
from shodhana.transcripts.domain.english import WordFrequencies
from shodhana.transcripts.domain.pipeline import TranscriptCorrector
from shodhana.transcripts.domain.ports import (
    Candidate,
    Candidates,
    DoubtfulPlace,
    Evidence,
    Heard,
    Quality,
    Queued,
    Ruling,
    ServiceMissing,
    ToScore,
    TranscriptScorer,
)

TERMS: dict[str, tuple[str, ...]] = {
    "bhakti": ("bhakthi",),
    "kṛṣṇa": ("krishna",),
    "avidyā": ("avidya",),
    "prārabdha": ("prarabdha", "prarabda"),
    "dhyāna": ("dhyan", "dhyana"),
    "saṃskāra": ("sanskar", "samskara"),
    "viṣṇumāyā": ("vishnu maya", "vishnumaya"),
    "brahmarandhra": ("brahma randhra",),
    "śrīmadbhāgavata": ("shrimad bhagavata", "bhagavata purana"),
    "śrīmat": ("shrimad",),
    "gopī": ("gopi", "gopis"),
    "rajas": ("raja",),
    "yoga": ("yoga", "yog"),
    "karma": ("karma",),
    "karmayoga": ("karma yoga",),
}
ANGLICISED = {"yoga", "karma"}


class SmallLexicon:
    """The port `CandidateSearch` by spelling."""

    def __init__(self) -> None:
        self.is_down = self.degraded = False
        self.calls = 0

    async def find(self, heard: Sequence[Heard], limit: int, lexicon_version: str) -> Candidates:
        if self.is_down:
            raise ServiceMissing("down")
        self.calls += 1
        texts = [item.text for item in heard]
        costs = sound_distance().costs(
            [text for text in texts for _ in TERMS], [units_of_iast(term) for _ in texts for term in TERMS]
        )
        rows = costs.reshape(len(texts), len(TERMS)).tolist()
        lists = tuple(tuple(self._candidates(*row)[:limit]) for row in zip(texts, rows, strict=True))
        return Candidates(lists, "lexiconVersions/1", self.degraded)

    def _candidates(self, heard: str, costs: Sequence[float]) -> list[Candidate]:
        found = (self._candidate(term, heard, cost) for term, cost in zip(TERMS, costs, strict=True))
        return sorted(found, key=lambda found: -found.score)

    def _candidate(self, term: str, heard: str, cost: float) -> Candidate:
        fold, folds = popular_fold(heard), {popular_fold(form) for form in (term, *TERMS[term])}
        score = max(fuzz.ratio(fold, form) for form in folds) / 100
        likeness = math.exp(-cost / len(heard_letters(heard)))
        evidence = {Evidence.LEXICAL: score, Evidence.SOUND: likeness}
        if heard.casefold() == term:
            evidence[Evidence.EXACT] = 1.0
        elif heard.casefold() in TERMS[term]:
            evidence[Evidence.ALIAS] = 1.0
        elif fold in folds:
            evidence[Evidence.ALIAS] = 0.95
        return Candidate(term, "spiritual", "a gloss", "", score, evidence, ("spelled like it",), term in ANGLICISED)


class Scores:
    """The port `TranscriptScorer`; remembers what it was asked."""

    def __init__(self) -> None:
        self.is_down = False
        self.asked: list[ToScore] = []

    async def score(self, transcript: ToScore) -> Quality:
        if self.is_down:
            raise ServiceMissing("down")
        self.asked.append(transcript)
        return Quality("qualityReports/1", False, None)


class Cases:
    """The port `ReviewCases`; the same request gets the same names."""

    def __init__(self) -> None:
        self.is_down = False
        self.requests: dict[str, list[DoubtfulPlace]] = {}
        self.ruled: dict[str, Ruling] = {}

    async def create(self, places: Sequence[DoubtfulPlace], request_id: str) -> Queued:
        if self.is_down:
            raise ServiceMissing("down")
        self.requests[request_id] = list(places)
        return Queued(tuple(f"reviewCases/{place.cue}" for place in places), len(places))

    async def rulings(self, names: Sequence[str]) -> dict[str, Ruling]:
        if self.is_down:
            raise ServiceMissing("down")
        return {name: self.ruled[name] for name in names if name in self.ruled}


class Bench:
    """A corrector with its ports."""

    def __init__(self, scorer: TranscriptScorer | None = None) -> None:
        self.lexicon, self.scores, self.cases = SmallLexicon(), Scores(), Cases()
        self.corrector = TranscriptCorrector(self.lexicon, scorer or self.scores, self.cases, WordFrequencies())

    async def correct(self, text: str, filename: str = "talk.txt", **options: object) -> Corrected:
        chosen = CorrectionOptions(**options)  # type: ignore[arg-type]
        return await self.corrector.correct(text.encode(), filename, None, chosen)

    async def text(self, text: str, **options: object) -> str:
        return (await self.correct(text, **options)).content.decode()
