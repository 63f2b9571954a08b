"""The words of a scored text, and how surely each is Sanskrit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shodhana.text.normalize import nfc
from shodhana.text.scripts import has_devanagari, has_iast_diacritics
from shodhana.text.tokens import Token, tokenize
from shodhana.text.transliterate import iast_of_devanagari

from .edits import terms_by_cue, with_terms
from .lexicon import KnownTerms
from .values import Policy, Status, Term, Transcript

MIN_LISTED = 4  # letters from which a word without diacritics is taken for the term it spells
MIN_ATTESTED = 6  # and for the form that is attested so
_ENGLISH_ENDING = re.compile("(?:['’]s?|s)$")


@dataclass(frozen=True, slots=True)
class Word:
    """A token of the scored text. `weight` (0 to 1) is how surely it is Sanskrit; `term` what the corrector knows of
    its place, `whole` the text of that place where it is several words."""

    cue: int
    start: int
    end: int
    text: str
    weight: float
    term: Term | None
    whole: str = ""

    @property
    def is_devanagari(self) -> bool:
        return has_devanagari(self.text)

    @property
    def is_marked(self) -> bool:
        """Whether somebody wrote it as Sanskrit: in Devanagari, or with diacritics."""
        return self.is_devanagari or has_iast_diacritics(self.text)

    @property
    def readings(self) -> tuple[str, ...]:
        """In IAST: without a possessive or plural ending that English gave it, and as it stands."""
        if self.is_devanagari:
            return (iast_of_devanagari(self.text),)
        text = nfc(self.text)
        base = _base(text)
        return (base, text) if base != text else (text,)

    @property
    def ending(self) -> str:
        """The ending that English gave it."""
        return self.text[len(self.readings[0]) :] if not self.is_devanagari else ""


def words_of(transcript: Transcript, known: KnownTerms | None, policy: Policy) -> Iterator[Word]:
    """Every word; those of weight 0 are not Sanskrit."""
    terms = terms_by_cue(transcript.terms)
    for cue in transcript.cues:
        for token, term in with_terms(tokenize(cue.text), terms.get(cue.index, ())):
            several = term is not None and (term.start < token.start or token.end < term.end)
            whole = cue.text[term.start : term.end] if term is not None and several else ""
            weight = _weight(token, term, known, policy)
            yield Word(cue.index, token.start, token.end, token.text, weight, term, whole)


def _weight(token: Token, term: Term | None, known: KnownTerms | None, policy: Policy) -> float:
    """1 for what is written as Sanskrit, listed, or known to the corrector; of a doubtful place, its probability."""
    if has_devanagari(token.text) or has_iast_diacritics(token.text):
        return 1.0
    if known is not None and known.is_anglicised(_base(token.text)) and not _is_part_of(token, term):
        return 0.0  # guru, yoga, karma: left in English, they are no evidence of IAST
    if term is not None:
        is_sure = term.status is not Status.UNRESOLVED or term.probability >= policy.similarity_threshold
        is_folded = known is not None and bool(known.canonical(token.stem))
        return 1.0 if is_sure or is_folded else term.probability
    return float(_is_listed(token.stem, known))


def _is_part_of(token: Token, term: Term | None) -> bool:
    """Whether it is a word of a longer term ("karma yoga"), or one that was corrected."""
    if term is None:
        return False
    return term.status is not Status.EXACT or term.start < token.start or token.end < term.end


def _base(text: str) -> str:
    return _ENGLISH_ENDING.sub("", text) if len(text) > 3 else text


def _is_listed(word: str, known: KnownTerms | None) -> bool:
    """Whether a word without diacritics is a term as the lexicon spells it ("deva"); popular spellings are found by
    the corrector, which knows English."""
    return known is not None and len(word) >= MIN_LISTED and known.has_spelling(word) and not known.is_anglicised(word)
