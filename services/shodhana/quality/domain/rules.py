"""The rules of the transliteration, applied to one word: what it breaks, and how surely it is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shodhana.text.fold import popular_fold
from shodhana.text.iast import breaches
from shodhana.text.normalize import nfc
from shodhana.text.transliterate import devanagari_of

from .lexicon import KnownTerms, nasals_merged
from .values import Policy, Status, Violation
from .words import MIN_ATTESTED, Word

NORMAL_FORM, SEQUENCE, CANONICAL, UNRESOLVED = "nfc", "sound_sequence", "canonical_spelling", "unresolved_term"
_FINAL_A = re.compile("(?<=...)a$")
_STRAY_SIGN = re.compile("(?:^|(?<![\u0915-\u0939\u0958-\u095f\u093c\u0978-\u097f]))[\u093a\u093b\u093e-\u094f]")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of a Sanskrit word. `reason` is why the probability is not 1; `term` tells terms apart, whatever
    their spelling."""

    word: Word
    violations: tuple[Violation, ...]
    probability: float
    reason: str
    term: str

    @property
    def spelling(self) -> str:
        """How the term is spelled here. Anusvāra and class nasal are one spelling; a final a that is spoken or not
        ("Ganesh", "Ganesha") is no matter of spelling."""
        return _FINAL_A.sub("", nasals_merged(self.word.readings[0].casefold()))

    @property
    def is_sound(self) -> bool:
        """The normal form is mended without loss: a decomposed text scores as its composed form."""
        return all(violation.rule == NORMAL_FORM for violation in self.violations)


@dataclass(frozen=True, slots=True)
class Rules:
    """Judges words by structure, lexicon and attested forms; without a lexicon by structure alone."""

    known: KnownTerms | None
    attested: frozenset[str]
    policy: Policy

    def judge(self, word: Word) -> Judgement:
        """The judgement on a Sanskrit word."""
        violations = tuple(self._violations(word))
        probability, reason = self._probability(word, violations)
        return Judgement(word, violations, probability, "" if probability == 1.0 else reason, self._term(word))

    def is_attested(self, word: Word) -> bool:
        """Whether the form is attested. Garbled words without diacritics may hit upon any form: theirs has to be one of
        the very term that the corrector thinks of ("yogasya" of yoga)."""
        if not word.is_marked:
            stem = word.term.expected[:-1].casefold() if word.term is not None else ""
            if len(word.text) < MIN_ATTESTED or not stem or not word.text.casefold().startswith(stem):
                return False
        return any(reading in self.attested for reading in word.readings)

    def is_listed(self, word: Word) -> bool:
        """Whether the lexicon spells it so: a term of several words as a whole."""
        if self.known is None:
            return False
        return any(self.known.has_spelling(text) for text in ((word.whole,) if word.whole else word.readings))

    def _term(self, word: Word) -> str:
        """The term as the lexicon spells it; a form of its own where it is listed or attested as it stands."""
        canonical = next(filter(None, map(self.known.canonical, word.readings)), ()) if self.known is not None else ()
        if not canonical:
            return popular_fold(word.readings[0])
        spelled = nasals_merged(word.readings[0].casefold())
        is_itself = self.is_listed(word) or (word.is_marked and self.is_attested(word))
        return spelled if is_itself and word.is_marked else nasals_merged(canonical[0])

    def _violations(self, word: Word) -> Iterator[Violation]:
        if not word.is_marked and self.is_listed(word):
            return
        if word.text != nfc(word.text):
            yield _violation(word, NORMAL_FORM, "not in Unicode normal form C", (nfc(word.text),))
        structural = list(_stray_signs(word) if word.is_devanagari else _breaches(word))
        lexical = [] if self.is_listed(word) else list(self._misspelled(word))
        if word.is_marked:  # meant as IAST: what is wrong with its letters says most
            yield from structural or lexical
        else:
            yield from lexical or structural

    def _misspelled(self, word: Word) -> Iterator[Violation]:
        canonical, term = self._canonical(word), word.term
        status, corrected = (term.status, term.expected) if term is not None else (None, "")
        expected = (corrected,) if corrected else canonical
        if canonical or status is Status.POPULAR:
            if not (word.is_marked and self.is_attested(word)):  # kṛṣṇā is not kṛṣṇa misspelled
                yield _violation(word, CANONICAL, f"canonical spelling is {' or '.join(expected)}", expected)
        elif status is Status.UNRESOLVED and not word.is_marked and not self.is_attested(word):
            perhaps = f", perhaps {corrected}" if corrected else ""
            yield _violation(word, UNRESOLVED, f"a doubtful term, not resolved{perhaps}", expected)

    def _canonical(self, word: Word) -> tuple[str, ...]:
        """The canonical spellings with the same popular fold, with the word's capitals, ending and script."""
        if self.known is None:
            return ()
        if word.whole:
            return self.known.canonical(word.whole)
        base, *rest = word.readings
        found, ending = self.known.canonical(base), word.ending
        if not found and rest:
            found, ending = self.known.canonical(rest[0]), ""
        if word.is_devanagari:
            return tuple(map(devanagari_of, found))
        capital = word.text[:1].isupper()
        return tuple((term[:1].upper() + term[1:] if capital else term) + ending for term in found)

    def _probability(self, word: Word, violations: tuple[Violation, ...]) -> tuple[float, str]:
        """1 for an exact or attested form, the corrector's for a corrected one, 0 for an unresolved one."""
        status = word.term.status if word.term is not None else Status.TRANSLITERATED
        if word.term is not None and status in (Status.EXACT, Status.CORRECTED, Status.POPULAR):
            return word.term.probability, status.value
        if self.is_listed(word) and status is not Status.UNRESOLVED:
            return 1.0, ""
        rules = {violation.rule for violation in violations} - {NORMAL_FORM}
        if self.is_attested(word) and not rules:
            return 1.0, ""
        if status is Status.UNRESOLVED:
            return 0.0, status.value
        return (0.0, "misspelled") if rules else (self.policy.unknown_form_probability, "unknown_form")


def _breaches(word: Word) -> list[Violation]:
    """The fewest: what English added to a term is not held against it."""
    found: list[Violation] = []
    for text in word.readings:
        found = [_part(word, one.rule, one.start, one.end, one.description) for one in breaches(text, strictly=True)]
        if not found:
            break
    return found


def _stray_signs(word: Word) -> list[Violation]:
    said = "a vowel sign without a consonant"
    return [_part(word, SEQUENCE, one.start(), one.end(), said) for one in _STRAY_SIGN.finditer(nfc(word.text))]


def _part(word: Word, rule: str, start: int, end: int, description: str) -> Violation:
    """A part of a word; the whole of it where letters and code points differ, being decomposed."""
    if word.text != nfc(word.text):
        return Violation(rule, word.cue, word.start, word.end, word.text, description)
    return Violation(rule, word.cue, word.start + start, word.start + end, word.text[start:end], description)


def _violation(word: Word, rule: str, description: str, expected: tuple[str, ...]) -> Violation:
    """Of a whole term where the corrector knows it to be several words."""
    if word.term is not None and word.whole and rule != NORMAL_FORM:
        return Violation(rule, word.cue, word.term.start, word.term.end, word.whole, description, expected)
    return Violation(rule, word.cue, word.start, word.end, word.text, description, expected)
