"""The correction of one transcript: spans, candidates, decisions, edits, scores, cases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from shodhana.text.tokens import tokenize

from .asking import Experts
from .casing import readings_of
from .choice import Readings, choose, counted, doubles, needs_context, sure_terms
from .combiner import Combiner, combiner
from .corrected import Corrected, CorrectionOptions, Scored
from .devanagari import transliterated
from .english import EnglishWords
from .features import Reading, Surroundings
from .formats import Edit, Format, Limits, Transcript, parse, write
from .formats.model import edited_texts
from .matcher import Decision, Matcher, Ranked, Status, Thresholds
from .people import doubting_people
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
MAX_CONTEXTS = 1000  # places of a transcript that are searched again with their context


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
        self._experts = Experts(cases)
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
        decisions = spared((one for one in decisions if not doubles(one, transcript)), recognised, transcript)
        if options.transliterate_devanagari:
            decisions = sorted([*decisions, *transliterated(transcript.cues)], key=lambda one: one.span.place)
        edits = [_edit(decision) for decision in decisions if decision.status is Status.APPLIED]
        texts = edited_texts(transcript, edits)
        degradations = ["candidates were found by spelling alone"] if found.degraded else []
        quality = await self._score(transcript, texts, decisions, options, degradations)
        kept = [one for one in decisions if one.status in (Status.APPLIED, Status.SUGGESTED)]
        asked = await self._experts.ask(
            transcript, kept, recognised, replace(options, lexicon_version=found.lexicon_version)
        )
        if self._verses and not options.validate_only:
            recognised = await self._verses.queue(transcript, recognised, options.request_id)
        degradations += [*asked.degradations, *recognised.degradations]
        return Corrected(
            transcript=transcript,
            content=await asyncio.to_thread(write, transcript, edits),
            texts=texts,
            corrections=asked.corrections,
            quality=quality,
            lexicon_version=found.lexicon_version,
            degradations=tuple(degradations),
            token_count=sum(1 for cue in transcript.cues for _ in tokenize(cue.text)),
            duration_s=time.perf_counter() - began,
            recognised=recognised,
            new_case_count=asked.new_case_count + recognised.new_case_count,
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
        return found, doubting_people(decisions, transcript.cues)

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


def _ranked_alone(readings: Mapping[Heard, Sequence[Reading]], matcher: Matcher) -> dict[Heard, tuple[Ranked, ...]]:
    ranked = {}
    for item, several in readings.items():
        decision = matcher.decide(_free_span(item.text), several, Surroundings(context=item.context))
        ranked[item] = decision.ranked if decision else ()
    return ranked


def _edit(decision: Decision) -> Edit:
    return Edit(decision.span.cue, decision.span.start, decision.span.end, decision.best.text)


def _free_span(text: str) -> Span:
    tokens = tuple(tokenize(text))
    return Span(0, 0, len(text), text, tokens, 0.0, False)
