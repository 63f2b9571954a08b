"""Words in Devanagari in IAST, on demand and only where nothing is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shodhana.text.iast import is_iast
from shodhana.text.scripts import devanagari_words
from shodhana.text.tokens import Token
from shodhana.text.transliterate import devanagari_of, iast_of_devanagari

from .formats import Cue
from .matcher import Decision, Ranked, Status
from .ports import Candidate, Evidence
from .spans import Span

REASON = "transliterated from Devanagari, letter by letter"


def transliterated(cues: Iterable[Cue]) -> Iterator[Decision]:
    """A decision to transliterate each word in Devanagari that comes back the same from IAST."""
    for cue in cues:
        for start, word in devanagari_words(cue.text):
            iast = lossless_iast(word)
            if iast is not None:
                token = Token(word, start, start + len(word))
                span = Span(cue.index, token.start, token.end, word, (token,), 0.0, False)
                candidate = Candidate(iast, "", "", word, 1.0, {Evidence.EXACT: 1.0}, (REASON,))
                yield Decision(span, Status.APPLIED, (Ranked(candidate, 1.0, iast, (REASON,)),))


def is_transliterated(decision: Decision) -> bool:
    """Whether the decision is one of these."""
    return decision.best.candidate.reasons == (REASON,)


def lossless_iast(word: str) -> str | None:
    """The word in IAST; None where letters are not Sanskrit's, or would come back as others."""
    iast = iast_of_devanagari(word)
    return iast if is_iast(iast) and devanagari_of(iast) == word else None
