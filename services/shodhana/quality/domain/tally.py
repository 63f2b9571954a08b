"""What is counted in a transcript; every score follows from these numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .rules import Judgement
from .values import Cue, Policy, Scores, Transcript


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts. Weights are of Sanskrit words, each counted as surely as it is Sanskrit."""

    word_count: int
    sanskrit_count: int
    certain_count: int
    weight: float
    sound_weight: float
    right_weight: float
    term_count: int
    variants: tuple[tuple[str, ...], ...]
    cue_count: int
    sound_cue_count: int
    edited_count: int
    is_order_kept: bool

    @property
    def other_count(self) -> int:
        return self.word_count - self.sanskrit_count

    @property
    def edited_share(self) -> float:
        """Of the other words; words that came in may be more than there are."""
        return self.edited_count / max(self.other_count, self.edited_count, 1)


def tally(transcript: Transcript, judged: Sequence[Judgement], word_count: int, edited_count: int) -> Tally:
    """Counts a transcript; `judged` are its Sanskrit words."""
    spellings = _spellings(judged)
    return Tally(
        word_count=word_count,
        sanskrit_count=len(judged),
        certain_count=sum(one.word.weight == 1.0 for one in judged),
        weight=sum(one.word.weight for one in judged),
        sound_weight=sum(one.word.weight for one in judged if one.is_sound),
        right_weight=sum(one.word.weight * one.probability for one in judged),
        term_count=len(spellings),
        variants=tuple(several for several in spellings if len(several) > 1),
        cue_count=len(transcript.cues),
        sound_cue_count=_sound_cues(transcript.cues),
        edited_count=edited_count,
        is_order_kept=_is_order_kept(transcript),
    )


def scores_of(counted: Tally, policy: Policy) -> Scores:
    """The scores; those of the Sanskrit are absent where there is none."""
    integrity = counted.sound_cue_count / counted.cue_count if counted.cue_count else 1.0
    preservation = 1 - min(1.0, policy.edit_penalty * counted.edited_share) if counted.is_order_kept else 0.0
    if not counted.weight:
        return Scores(format_integrity=_rounded(integrity), preservation=_rounded(preservation))
    iast = counted.sound_weight / counted.weight
    accuracy = counted.right_weight / counted.weight
    consistency = 1 - len(counted.variants) / counted.term_count
    weights = policy.weights
    academic = (
        weights.iast_compliance * iast
        + weights.sanskrit_accuracy * accuracy
        + weights.spelling_consistency * consistency
        + weights.format_integrity * integrity
    )
    return Scores(
        iast_compliance=_rounded(iast),
        sanskrit_accuracy=_rounded(accuracy),
        academic_score=_rounded(academic),
        overall_score=_rounded(academic * preservation),
        spelling_consistency=_rounded(consistency),
        format_integrity=_rounded(integrity),
        preservation=_rounded(preservation),
    )


def _spellings(judged: Iterable[Judgement]) -> list[tuple[str, ...]]:
    """The spellings of each term, each as it first occurs."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for one in judged:
        found[one.term].setdefault(one.spelling, one.word.readings[0].casefold())
    return [tuple(several.values()) for several in found.values()]


def _sound_cues(cues: Sequence[Cue]) -> int:
    """Cues whose times are both there or both absent, not reversed and in order."""
    sound, latest = 0, 0
    for cue in cues:
        start, end = cue.start_ms, cue.end_ms
        if start is None or end is None:
            sound += start is None and end is None
            continue
        sound += latest <= start <= end
        latest = max(latest, start)
    return sound


def _is_order_kept(transcript: Transcript) -> bool:
    """Whether the times and the order of the cues are those of the original, where there is one."""
    before = [(cue.index, cue.start_ms, cue.end_ms) for cue in transcript.original]
    return not before or before == [(cue.index, cue.start_ms, cue.end_ms) for cue in transcript.cues]


def _rounded(score: float) -> float:
    return round(min(1.0, score), 3)
