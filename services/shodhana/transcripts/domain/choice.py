"""The decisions on a whole transcript: those that do not overlap, each helped by what the others say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shodhana.text.fold import popular_fold
from shodhana.text.tokens import tokenize

from .features import Reading, Surroundings
from .formats import Transcript
from .matcher import Decision, Matcher, Status, is_certain
from .ports import Evidence
from .spans import Span

WORD_BONUS = 0.05
LIKE_ALL = 0.65  # in sound: hardly a letter of the words is not the term's
SURE = 0.9  # from which a decision speaks for the same term elsewhere
HOPELESS = 0.03  # below it context is not asked


@dataclass(frozen=True, slots=True)
class Readings:
    """What was found for each form of words, and for single places with their context."""

    by_text: Mapping[str, Sequence[Reading]]
    by_place: Mapping[tuple[int, int, int], Sequence[Reading]]
    contexts: Mapping[tuple[int, int, int], str] = field(default_factory=dict)

    def of(self, span: Span) -> Sequence[Reading]:
        return self.by_place.get(span.place) or self.by_text[span.text]


def choose(
    spans: Sequence[Span], readings: Readings, matcher: Matcher, mentions: Mapping[str, int], own: Mapping[Span, str]
) -> list[Decision]:
    """Decisions that do not overlap, the surest first served; in the order of the text."""
    made = (
        matcher.decide(
            span, readings.of(span), Surroundings(mentions, own.get(span, ""), readings.contexts.get(span.place, ""))
        )
        for span in spans
    )
    wanted = [decision for decision in made if decision is not None and decision.status is not Status.LEFT]
    wanted.sort(key=lambda decision: (-_claim(decision), decision.span.cue, decision.span.start))
    taken: dict[int, list[Decision]] = {}
    for decision in wanted:
        neighbours = taken.setdefault(decision.span.cue, [])
        if not any(decision.span.overlaps(other.span) for other in neighbours):
            neighbours.append(decision)
    kept = [decision for decisions in taken.values() for decision in decisions]
    return sorted(kept, key=lambda decision: (decision.span.cue, decision.span.start))


def sure_terms(decisions: Sequence[Decision]) -> dict[Span, str]:
    """The terms that are surely meant, by place."""
    return {one.span: one.best.candidate.term for one in decisions if one.best.probability >= SURE}


def counted(sure: Mapping[Span, str]) -> Counter[str]:
    """How often each term is surely meant."""
    return Counter(sure.values())


def needs_context(span: Span, readings: Readings, matcher: Matcher) -> bool:
    """Whether what is said around could change the decision: several candidates, none of them beyond doubt."""
    decision = matcher.decide(span, readings.of(span), Surroundings())
    if decision is None or decision.best.probability < HOPELESS:
        return False
    rivals = sum(is_certain(ranked.candidate) for ranked in decision.ranked)
    return rivals > 1 or (rivals == 0 and decision.best.probability < SURE)


def _claim(decision: Decision) -> float:
    """How strongly a decision claims its words: its probability, more for each word that a listed term, or one that
    sounds like all of them, accounts for; less for each word that a mere likeness would swallow."""
    best = decision.best.candidate
    accounts = is_certain(best) or best.evidence.get(Evidence.SOUND, 0.0) >= LIKE_ALL
    share = WORD_BONUS if accounts else -WORD_BONUS
    return decision.best.probability + share * (len(decision.span.tokens) - 1)


def doubles(decision: Decision, transcript: Transcript) -> bool:
    """Whether the edit would repeat a word that stands beside it ("Śrīmad Śrīmad")."""
    if decision.status is not Status.APPLIED:
        return False
    text = transcript.cues[decision.span.cue - 1].text
    words = [popular_fold(token.text) for token in tokenize(decision.best.text)]
    heard = [popular_fold(token.text) for token in decision.span.tokens]
    before = [popular_fold(token.text) for token in tokenize(text[: decision.span.start])][-1:]
    after = [popular_fold(token.text) for token in tokenize(text[decision.span.end :])][:1]
    return (words[:1] == before and heard[:1] != before) or (words[-1:] == after and heard[-1:] != after)
