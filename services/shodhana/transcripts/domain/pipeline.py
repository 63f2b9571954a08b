"""The correction of one transcript: spans, candidates, decisions, edits, scores, cases."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shodhana.text.tokens import tokenize

from .casing import readings_of
from .choice import Readings, choose, counted, doubles, needs_context, sure_terms
from .combiner import Combiner, combiner
from .devanagari import transliterated
from .doubts import cases_request_id, doubtful_place
from .english import EnglishWords
from .features import Reading, Surroundings
from .formats import Edit, Format, Limits, Transcript, parse, write
from .formats.model import edited
from .matcher import Decision, Matcher, Ranked, Status, Thresholds
from .ports import (
    Candidates,
    CandidateSearch,
    Heard,
    Quality,
    ReviewCases,
    ServiceMissing,
    ToScore,
    TranscriptScorer,
)
from .spans import Span, contexts_of, spans_of
from .terms import corrected_terms, standing_terms
from .verses import Recognised, VerseRecogniser, spared

SEARCHED = 8  # candidates asked for a form
SEARCHED_IN_CONTEXT = 24  # so that context can bring one forward
MAX_CASES = 1000
MAX_CONTEXTS = 1000  # places of a transcript that are searched again with their context
WORDS_NAMESPACE = uuid.UUID("5b0f3c52-6c0e-4b0e-9d5a-2f1f6a0c7b11")


@dataclass(frozen=True, slots=True)
class CorrectionOptions:
    """How to correct. `validate_only` stores no report and queues no case; `use_…` measure what each brings."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    lexicon_version: str = ""
    validate_only: bool = False
    request_id: str = ""
    use_context: bool = True
    use_mentions: bool = True
    transliterate_devanagari: bool = False


@dataclass(frozen=True, slots=True)
class Correction:
    """A place with its decision; `review_case` names the case, where there is one."""

    decision: Decision
    start_ms: int | None
    review_case: str = ""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected transcript. `quality` is None where the scores could not be had."""

    transcript: Transcript
    content: bytes
    texts: tuple[str, ...]
    corrections: tuple[Correction, ...]
    quality: Quality | None
    lexicon_version: str
    degradations: tuple[str, ...]
    token_count: int
    duration_s: float
    recognised: Recognised = field(default_factory=Recognised)

    @property
    def filename(self) -> str:
        """`talk.corrected.srt` for `talk.srt`."""
        name = self.transcript.filename.removesuffix(".gz")
        stem, dot, ending = name.rpartition(".")
        return f"{stem}.corrected.{ending}" if dot and stem else f"{name}.corrected"

    @property
    def requires_review(self) -> bool:
        """Also where a part was missing: what could not be judged is for a person to judge."""
        doubtful = any(correction.decision.status is Status.SUGGESTED for correction in self.corrections)
        doubtful = doubtful or any(verse.is_open for verse in self.recognised.verses)
        return doubtful or bool(self.degradations) or self.quality is None or self.quality.requires_review


@dataclass(frozen=True, slots=True)
class Scored:
    """A transcript as it stands, and its quality."""

    transcript: Transcript
    quality: Quality
    degradations: tuple[str, ...]


class TranscriptCorrector:
    """Corrects transcripts with what the other services know; `cases` is None where there is no review, `verses` where
    none are searched."""

    def __init__(
        self,
        search: CandidateSearch,
        scorer: TranscriptScorer,
        cases: ReviewCases | None,
        english: EnglishWords,
        weights: Combiner | None = None,
        verses: VerseRecogniser | None = None,
    ) -> None:
        self._search = search
        self._scorer = scorer
        self._cases = cases
        self._english = english
        self._limits = Limits()
        self._combiner = weights or combiner()
        self._verses = verses

    async def correct(
        self, content: bytes, filename: str, layout: Format | None, options: CorrectionOptions
    ) -> Corrected:
        """The file with its terms restored. Raises BrokenTranscript, TextRefused, FileTooLarge, ServiceMissing."""
        began = time.perf_counter()
        transcript = await asyncio.to_thread(parse, content, filename, layout, self._limits)
        found, decisions = await self.decisions(transcript, options)
        recognised = await self._verses.recognise(transcript) if self._verses else Recognised()
        decisions = spared((one for one in decisions if not doubles(one, transcript)), recognised)
        if options.transliterate_devanagari:
            decisions = sorted([*decisions, *transliterated(transcript.cues)], key=lambda one: one.span.place)
        edits = [_edit(decision) for decision in decisions if decision.status is Status.APPLIED]
        texts = tuple(_texts(transcript, edits))
        degradations = ["candidates were found by spelling alone"] if found.degraded else []
        quality = await self._score(transcript, texts, decisions, options, degradations)
        kept = [one for one in decisions if one.status in (Status.APPLIED, Status.SUGGESTED)]
        corrections = await self._queue(transcript, kept, recognised, options, found.lexicon_version, degradations)
        if self._verses and not options.validate_only:
            recognised = await self._verses.queue(transcript, recognised, options.request_id)
        degradations += recognised.degradations
        return Corrected(
            transcript=transcript,
            content=await asyncio.to_thread(write, transcript, edits),
            texts=texts,
            corrections=tuple(corrections),
            quality=quality,
            lexicon_version=found.lexicon_version,
            degradations=tuple(degradations),
            token_count=sum(1 for cue in transcript.cues for _ in tokenize(cue.text)),
            duration_s=time.perf_counter() - began,
            recognised=recognised,
        )

    async def score(self, content: bytes, filename: str, layout: Format | None, options: CorrectionOptions) -> Scored:
        """The quality of a file as it stands: what `correct` would change or question is held against it. Raises what
        `correct` raises, but not for want of candidates."""
        transcript = await asyncio.to_thread(parse, content, filename, layout, self._limits)
        degradations = []
        try:
            found, decisions = await self.decisions(transcript, options)
            if found.degraded:
                degradations.append("candidates were found by spelling alone")
        except ServiceMissing:
            decisions = []
            degradations.append("no candidates: garbled words are not seen, and the scores are too high")
        texts = tuple(cue.text for cue in transcript.cues)
        terms = tuple(standing_terms(decisions))
        quality = await self._scorer.score(ToScore(filename, transcript.cues, texts, terms, store=False))
        return Scored(transcript, quality, tuple(degradations))

    async def suggest(
        self, heard: Sequence[Heard], limit: int, lexicon_version: str
    ) -> tuple[list[list[Ranked]], Candidates]:
        """Terms for heard words, as `correct` would rank them. Raises ServiceMissing."""
        inflected = {item: readings_of(item.text) for item in heard}
        asked = [Heard(reading.base, item.context) for item, several in inflected.items() for reading in several]
        found = await self._search.find(asked, max(limit, SEARCHED_IN_CONTEXT), lexicon_version)
        matcher = Matcher(self._combiner, Thresholds(keep_anglicised=False), found.degraded)
        candidates = iter(found.lists)
        readings = {
            item: [Reading(reading, next(candidates)) for reading in several] for item, several in inflected.items()
        }
        ranked = await asyncio.to_thread(_ranked_alone, readings, matcher)
        return [list(ranked[item][:limit]) for item in heard], found

    async def decisions(
        self, transcript: Transcript, options: CorrectionOptions, matters: Callable[[Span], bool] | None = None
    ) -> tuple[Candidates, list[Decision]]:
        """What was found, and what becomes of each place that matters: first each alone, then with context and the
        whole talk."""
        spans = await asyncio.to_thread(self._spans, transcript)
        spans = [span for span in spans if matters is None or matters(span)]
        found, readings = await self._find(spans, options.lexicon_version)
        matcher = Matcher(self._combiner, options.thresholds, found.degraded)
        if options.use_context and not found.degraded:
            readings = await self._with_context(transcript, spans, readings, matcher, found.lexicon_version)
        decisions = await asyncio.to_thread(choose, spans, readings, matcher, {}, {})
        if options.use_mentions:
            sure = sure_terms(decisions)
            decisions = await asyncio.to_thread(choose, spans, readings, matcher, counted(sure), sure)
        return found, decisions

    def _spans(self, transcript: Transcript) -> list[Span]:
        return [span for cue in transcript.cues for span in spans_of(cue, self._english)]

    async def _find(self, spans: list[Span], lexicon_version: str) -> tuple[Candidates, Readings]:
        """One search for each distinct form, in one batched call."""
        inflected = {span.text: readings_of(span.text) for span in spans}
        forms = list(dict.fromkeys(reading.base for readings in inflected.values() for reading in readings))
        found = await self._search.find([Heard(form) for form in forms], SEARCHED, lexicon_version)
        by_form = dict(zip(forms, found.lists, strict=True))
        by_text = {
            text: [Reading(reading, by_form[reading.base]) for reading in several]
            for text, several in inflected.items()
        }
        return found, Readings(by_text, {})

    async def _with_context(
        self, transcript: Transcript, spans: list[Span], readings: Readings, matcher: Matcher, lexicon_version: str
    ) -> Readings:
        """The doubtful places searched again, with the words around them."""
        doubtful = await asyncio.to_thread(
            lambda: [span for span in spans if needs_context(span, readings, matcher)][:MAX_CONTEXTS]
        )
        if not doubtful:
            return readings
        contexts = contexts_of(transcript.cues)
        asked = [
            (span, inflected, Heard(inflected.base, contexts(span)))
            for span in doubtful
            for inflected in readings_of(span.text)
        ]
        found = await self._search.find([heard for _, _, heard in asked], SEARCHED_IN_CONTEXT, lexicon_version)
        by_place: dict[tuple[int, int, int], list[Reading]] = {}
        known: dict[tuple[int, int, int], str] = {}
        for (span, inflected, heard), candidates in zip(asked, found.lists, strict=True):
            by_place.setdefault(span.place, []).append(Reading(inflected, candidates))
            known[span.place] = heard.context
        return Readings(readings.by_text, by_place, known)

    async def _score(
        self,
        transcript: Transcript,
        texts: tuple[str, ...],
        decisions: Sequence[Decision],
        options: CorrectionOptions,
        degradations: list[str],
    ) -> Quality | None:
        terms = tuple(corrected_terms(decisions))
        store = not options.validate_only
        try:
            return await self._scorer.score(
                ToScore(transcript.filename, transcript.cues, texts, terms, store, options.request_id if store else "")
            )
        except ServiceMissing:
            degradations.append("the scores could not be had")
            return None

    async def _queue(
        self,
        transcript: Transcript,
        kept: Sequence[Decision],
        recognised: Recognised,
        options: CorrectionOptions,
        lexicon_version: str,
        degradations: list[str],
    ) -> list[Correction]:
        """The corrections, with a case for each doubtful place; words of a verse are settled by the verse's case."""
        cues = {cue.index: cue for cue in transcript.cues}
        corrections = [Correction(decision, cues[decision.span.cue].start_ms) for decision in kept]
        doubtful = [
            place
            for place, decision in enumerate(kept)
            if decision.status is Status.SUGGESTED and not recognised.has_open(*decision.span.place)
        ][:MAX_CASES]
        if self._cases is None or options.validate_only or not doubtful:
            return corrections
        places = [doubtful_place(kept[i], cues, transcript.filename, lexicon_version) for i in doubtful]
        try:
            names = await self._cases.create(places, cases_request_id(WORDS_NAMESPACE, options.request_id))
        except ServiceMissing:
            degradations.append("the doubtful places could not be queued for review")
            return corrections
        for place, name in zip(doubtful, names, strict=True):
            corrections[place] = replace(corrections[place], review_case=name)
        return corrections


def _ranked_alone(readings: Mapping[Heard, Sequence[Reading]], matcher: Matcher) -> dict[Heard, tuple[Ranked, ...]]:
    ranked = {}
    for item, several in readings.items():
        decision = matcher.decide(_free_span(item.text), several, Surroundings(context=item.context))
        ranked[item] = decision.ranked if decision else ()
    return ranked


def _edit(decision: Decision) -> Edit:
    return Edit(decision.span.cue, decision.span.start, decision.span.end, decision.best.text)


def _texts(transcript: Transcript, edits: Sequence[Edit]) -> list[str]:
    by_cue: dict[int, list[Edit]] = {}
    for edit in edits:
        by_cue.setdefault(edit.cue, []).append(edit)
    return [edited(cue.text, by_cue.get(cue.index, ())) for cue in transcript.cues]


def _free_span(text: str) -> Span:
    tokens = tuple(tokenize(text))
    return Span(0, 0, len(text), text, tokens, 0.0, False)
