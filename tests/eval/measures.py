"""What is measured of the correction: terms, places of talks, and the peer beside it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz, process
from shodhana.similarity.domain.lexicon import Entry
from shodhana.text.fold import popular_fold
from shodhana.text.tokens import tokenize
from shodhana.transcripts.domain.corrected import Corrected, CorrectionOptions
from shodhana.transcripts.domain.english import COMMON, WordFrequencies
from shodhana.transcripts.domain.matcher import Status
from shodhana.transcripts.domain.pipeline import TranscriptCorrector
from shodhana.transcripts.domain.ports import Heard

from training.talks import Talk

PEER_CUTOFF = 85
SAMPLES = 1000  # of the bootstrap
BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """A place that was corrected or suggested, or should have been: what was done, and whether it was right.

    `truth`: right, wrong (another term was said) or english (no term was said).
    """

    heard: str
    text: str
    status: str
    truth: str
    probability: float


@dataclass(frozen=True, slots=True)
class TalkFigures:
    """What came of a talk. `seconds` is processor time."""

    judged: tuple[Judged, ...]
    said_count: int
    word_count: int
    seconds: float


def suggested(corrector: TranscriptCorrector, pairs: Sequence[tuple[str, str, str]]) -> list[tuple[bool, bool]]:
    """For each pair whether its term is first, and among the first five."""
    heard = [Heard(word, context) for word, _, context in pairs]
    lists, _ = asyncio.run(corrector.suggest(heard, 5, ""))
    found = [[ranked.candidate.term for ranked in listed] for listed in lists]
    return [(terms[:1] == [right], right in terms) for terms, (_, right, _) in zip(found, pairs, strict=True)]


class Peer:
    """Edit distance alone: rapidfuzz's `fuzz.ratio` of popular folds, cut-off 85, same glossary, same English guard."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        rows = [(fold, entry.term) for entry in entries for fold in entry.forms]
        self._folds, self._terms = [fold for fold, _ in rows], [term for _, term in rows]

    def suggested(self, pairs: Sequence[tuple[str, str, str]]) -> list[tuple[bool, bool]]:
        results = []
        for word, right, _ in pairs:
            found = process.extract(popular_fold(word), self._folds, scorer=fuzz.ratio, limit=20)
            terms = list(dict.fromkeys(self._terms[place] for _, _, place in found))[:5]
            results.append((terms[:1] == [right], right in terms))
        return results

    def corrected(self, talk: Talk) -> list[Judged]:
        """Every word outside the guard corrected to its nearest term, where that is near enough."""
        judged = []
        for cue in talk.transcript.cues:
            for token in tokenize(cue.text):
                if WordFrequencies.frequency(token.stem.casefold()) >= COMMON:
                    continue
                best = process.extractOne(
                    popular_fold(token.stem), self._folds, scorer=fuzz.ratio, score_cutoff=PEER_CUTOFF
                )
                place = (cue.index, token.start, token.end)
                if best is None or place not in talk.known or token.text == self._terms[best[2]]:
                    continue
                term, sureness = self._terms[best[2]], best[1] / 100
                judged.append(Judged(token.text, term, "applied", truth_of(talk, place, term), sureness))
        return judged


def corrected(corrector: TranscriptCorrector, talk: Talk, options: CorrectionOptions | None = None) -> TalkFigures:
    """A talk corrected and judged where it is known what was said."""
    began = time.process_time()
    filename = f"{talk.name}.whisper.json"
    result = asyncio.run(corrector.correct(talk.content, filename, None, options or CorrectionOptions()))
    seconds = time.process_time() - began
    return TalkFigures(tuple(_judged(result, talk)), len(talk.said), result.token_count, seconds)


def _judged(result: Corrected, talk: Talk) -> Iterable[Judged]:
    for correction in result.corrections:
        decision, span = correction.decision, correction.decision.span
        if all((span.cue, token.start, token.end) in talk.known for token in span.tokens):
            term, place = decision.best.candidate.term, (span.cue, span.start, span.end)
            truth, best = truth_of(talk, place, term), decision.best
            yield Judged(span.text, best.text, decision.status.value, truth, best.probability)


def truth_of(talk: Talk, place: tuple[int, int, int], term: str) -> str:
    """Whether this term, another or none was said there. Right also where the heard words spell the term: the
    verified text was edited there, or the alignment lost it."""
    cue, start, end = place
    text = talk.transcript.cues[cue - 1].text[start:end].removesuffix("'s")
    over = [one for one in talk.said if one.cue == cue and one.start < end and start < one.end]
    joined = {popular_fold("".join(parts)) for parts in itertools.product(*(one.terms for one in over))}
    spelled = popular_fold(term) in joined or popular_fold(term) in (
        popular_fold(text),
        popular_fold(text.removesuffix("s")),
    )
    if spelled or any(term in one.terms for one in over):
        return "right"
    return "wrong" if over else "english"


def applied(judged: Iterable[Judged]) -> list[Judged]:
    return [one for one in judged if one.status == Status.APPLIED.value]


def calibration_error(judged: Sequence[Judged]) -> float:
    """Expected calibration error of the published probability over corrections and suggestions."""
    if not judged:
        return 0.0
    probabilities = np.array([one.probability for one in judged])
    truth = np.array([one.truth == "right" for one in judged])
    places = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    parts = [places == place for place in range(BINS) if (places == place).any()]
    return float(sum(abs(probabilities[part].mean() - truth[part].mean()) * part.mean() for part in parts))


def interval(values: Sequence[float], of: Callable[[np.ndarray], float] = np.mean) -> tuple[float, float]:  # type: ignore[type-arg]
    """The bootstrap 95 % interval of a figure of the values."""
    if not len(values):
        return (0.0, 0.0)
    chooser, numbers = np.random.default_rng(0), np.asarray(values)
    drawn = [of(numbers[chooser.integers(0, len(numbers), len(numbers))]) for _ in range(SAMPLES)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
