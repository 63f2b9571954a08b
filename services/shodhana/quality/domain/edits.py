"""What an edit changed beside the terms it corrected."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from shodhana.text.tokens import Token, tokenize

from .values import Cue, Status, Term, Transcript

CORRECTED = (Status.CORRECTED, Status.TRANSLITERATED)
SPAN_TOKENS = 4  # a corrected term may stand for so many heard words
MAX_COMPARED = 1_000_000  # pairs of tokens; beyond it the order of words is not looked at

Pair = tuple[Token, Term | None]


def count_edits(transcript: Transcript) -> int:
    """Tokens of the original that were changed or lost, and tokens that came in, but for the corrected terms."""
    corrected = terms_by_cue(term for term in transcript.terms if term.status in CORRECTED)
    scored = {cue.index: cue for cue in transcript.cues}
    return sum(_edits(cue, scored.get(cue.index), corrected) for cue in transcript.original)


def terms_by_cue(terms: Iterable[Term]) -> dict[int, list[Term]]:
    """The terms of each cue, by their start."""
    found: dict[int, list[Term]] = {}
    for term in terms:
        found.setdefault(term.cue, []).append(term)
    for listed in found.values():
        listed.sort(key=lambda term: term.start)
    return found


def with_terms(tokens: Iterable[Token], terms: Sequence[Term]) -> Iterator[Pair]:
    """Each token with a term that overlaps it; the terms are in order of their start."""
    place = 0
    for token in tokens:
        while place < len(terms) and terms[place].end <= token.start:
            place += 1
        overlaps = place < len(terms) and terms[place].start < token.end
        yield token, terms[place] if overlaps else None


def _edits(before: Cue, after: Cue | None, corrected: Mapping[int, Sequence[Term]]) -> int:
    if after is not None and after.text == before.text:
        return 0
    old = [token.text for token in tokenize(before.text)]
    if after is None:
        return len(old)
    new = list(with_terms(tokenize(after.text), corrected.get(after.index, ())))
    if len(old) * len(new) > MAX_COMPARED:
        return _edits_without_order(old, new)
    # A word of a corrected term is like no word: else "praarabda … prārabdha" would match its second with the first.
    kept = [token.text if term is None else term for token, term in new]
    matcher: difflib.SequenceMatcher[str | Term] = difflib.SequenceMatcher(None, old, kept, autojunk=False)
    return sum(
        _replaced(last - first, new[start:end])
        for kind, first, last, start, end in matcher.get_opcodes()
        if kind != "equal"
    )


def _replaced(removed: int, added: Sequence[Pair]) -> int:
    """Edits in one place: words that came in, or words that went and that no term stands for."""
    terms = {term for _, term in added if term is not None}
    return max(sum(term is None for _, term in added), removed - SPAN_TOKENS * len(terms))


def _edits_without_order(old: Sequence[str], new: Sequence[Pair]) -> int:
    lost, came = Counter(old), Counter(token.text for token, term in new if term is None)
    terms = {term for _, term in new if term is not None}
    return max((came - lost).total(), (lost - came).total() - SPAN_TOKENS * len(terms))
