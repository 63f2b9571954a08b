"""The scores of a transcript. Source: the scoring section of the correction design; rules and weights are versioned."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from shodhana.text.fold import popular_fold
from shodhana.text.iast import breaches
from shodhana.text.normalize import nfc
from shodhana.text.scripts import has_devanagari, has_iast_diacritics
from shodhana.text.tokens import tokenize

from .edits import count_edits, terms_by_cue, with_terms
from .lexicon import KnownTerms
from .values import Cue, Gate, Policy, Report, Scores, Status, Term, Transcript, Violation

PRESERVATION_SLOPE = 10
_ENGLISH_ENDING = re.compile("(?:['’]s?|s)$")


@dataclass(frozen=True, slots=True)
class Word:
    """A token of the scored text; `term` is what the corrector knows of its place."""

    cue: int
    start: int
    end: int
    text: str
    is_sanskrit: bool
    term: Term | None

    @property
    def base(self) -> str:
        """Without a possessive or plural ending that English gave it."""
        return _ENGLISH_ENDING.sub("", self.text) if len(self.text) > 3 else self.text


def score_transcript(transcript: Transcript, known: KnownTerms | None, policy: Policy) -> Report:
    """Scores, gates and violations. Without known terms canonical spellings are not checked: `degraded`."""
    words = list(_words(transcript, known))
    sanskrit = [(word, tuple(_violations(word, known))) for word in words if word.is_sanskrit]
    edited = count_edits(transcript)
    other = len(words) - len(sanskrit)
    report = Report(
        scores=_scores(transcript, sanskrit, known, policy, edited / max(other, edited, 1)),
        gates=(),
        violations=tuple(found for _, violations in sanskrit for found in violations),
        sanskrit_token_count=len(sanskrit),
        other_token_count=other,
        edited_other_token_count=edited,
        policy=policy,
        lexicon_version=known.version if known else "",
        degraded=known is None,
    )
    gates = tuple(_gates(report.scores, transcript.terms, policy))
    return replace(report, gates=gates, requires_review=not all(gate.passed for gate in gates))


def _words(transcript: Transcript, known: KnownTerms | None) -> Iterator[Word]:
    terms = terms_by_cue(transcript.terms)
    for cue in transcript.cues:
        for token, term in with_terms(tokenize(cue.text), terms.get(cue.index, ())):
            is_sanskrit = term is not None or has_iast_diacritics(token.text) or _is_known(token.stem, known)
            is_sanskrit = is_sanskrit and not has_devanagari(token.text)
            yield Word(cue.index, token.start, token.end, token.text, is_sanskrit, term)


def _is_known(word: str, known: KnownTerms | None) -> bool:
    """Whether a word without diacritics is a term as the lexicon spells it ("deva"); popular spellings are found by
    the corrector, which knows English."""
    return known is not None and len(word) > 3 and known.has_spelling(word) and not known.is_anglicised(word)


def _violations(word: Word, known: KnownTerms | None) -> Iterator[Violation]:
    if _stays_english(word, known):
        return
    if word.text != nfc(word.text):
        yield Violation("nfc", word.cue, word.start, word.end, word.text, "not in Unicode normal form C")
    for text in (nfc(word.base), nfc(word.text)):
        found = [
            Violation(b.rule, word.cue, word.start + b.start, word.start + b.end, text[b.start : b.end], b.description)
            for b in breaches(text)
        ]
        if not found:
            break
    yield from found
    if found or known is None:
        return
    canonical = known.canonical(word.base) or known.canonical(word.text)
    if canonical and not any(known.has_spelling(text) for text in (word.base, word.text)):
        description = f"canonical spelling is {' or '.join(canonical)}"
        yield Violation("canonical_spelling", word.cue, word.start, word.end, word.text, description)
    elif word.term is not None and word.term.status is Status.UNRESOLVED and not has_iast_diacritics(word.text):
        yield Violation(
            "canonical_spelling", word.cue, word.start, word.end, word.text, "a doubtful term, not resolved"
        )


def _stays_english(word: Word, known: KnownTerms | None) -> bool:
    """Guru, yoga, karma: in their popular spelling they are right."""
    return known is not None and known.is_anglicised(word.base) and not has_iast_diacritics(word.text)


def _scores(
    transcript: Transcript,
    sanskrit: Sequence[tuple[Word, Sequence[Violation]]],
    known: KnownTerms | None,
    policy: Policy,
    edited_share: float,
) -> Scores:
    integrity = _format_integrity(transcript.cues)
    preservation = _preservation(transcript, edited_share)
    if not sanskrit:
        return Scores(format_integrity=_rounded(integrity), preservation=_rounded(preservation))
    iast = sum(_is_sound(violations) for _, violations in sanskrit) / len(sanskrit)
    accuracy = sum(_probability(word, known) for word, _ in sanskrit) / len(sanskrit)
    consistency = _consistency(word for word, _ in sanskrit)
    parts = (iast, accuracy, consistency, integrity)
    academic = sum(weight * part for weight, part in zip(policy.weights, parts, strict=True))
    return Scores(
        iast_compliance=_rounded(iast),
        sanskrit_accuracy=_rounded(accuracy),
        academic_score=_rounded(academic),
        overall_score=_rounded(academic * preservation),
        spelling_consistency=_rounded(consistency),
        format_integrity=_rounded(integrity),
        preservation=_rounded(preservation),
    )


def _is_sound(violations: Sequence[Violation]) -> bool:
    """The normal form is mended without loss: a decomposed text scores as its composed form."""
    return all(violation.rule == "nfc" for violation in violations)


def _probability(word: Word, known: KnownTerms | None) -> float:
    """1 for an exact form, the corrector's probability for a corrected one, 0 for an unresolved one."""
    if word.term is None:
        return 1.0 if known is None or known.has_spelling(word.base) or not known.canonical(word.base) else 0.0
    return 0.0 if word.term.status is Status.UNRESOLVED else word.term.probability


def _consistency(words: Iterable[Word]) -> float:
    """Share of terms (by popular fold) that are spelled one way throughout."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for word in words:
        spellings[popular_fold(word.base)].add(nfc(word.base).casefold())
    return sum(len(found) == 1 for found in spellings.values()) / len(spellings)


def _format_integrity(cues: Sequence[Cue]) -> float:
    """Share of cues whose times are both there or both absent, not reversed and in order."""
    sound, latest = 0, 0
    for cue in cues:
        start, end = cue.start_ms, cue.end_ms
        if start is None or end is None:
            sound += start is None and end is None
            continue
        sound += latest <= start <= end
        latest = max(latest, start)
    return sound / len(cues) if cues else 1.0


def _preservation(transcript: Transcript, edited_share: float) -> float:
    if not transcript.original:
        return 1.0
    before = [(cue.index, cue.start_ms, cue.end_ms) for cue in transcript.original]
    after = [(cue.index, cue.start_ms, cue.end_ms) for cue in transcript.cues]
    return 0.0 if before != after else 1 - min(1.0, PRESERVATION_SLOPE * edited_share)


def _gates(scores: Scores, terms: Sequence[Term], policy: Policy) -> Iterator[Gate]:
    uncertain = [
        term
        for term in terms
        if term.status is Status.UNRESOLVED
        or (term.status is Status.CORRECTED and term.probability < policy.similarity_threshold)
    ]
    if scores.academic_score is not None:
        yield _gate("academic_score", scores.academic_score, policy.min_academic_score)
    if scores.iast_compliance is not None:
        yield _gate("iast_compliance", scores.iast_compliance, policy.iast_compliance_threshold)
    yield Gate("uncertain_terms", not uncertain, f"{len(uncertain)} terms are uncertain")


def _gate(name: str, score: float, threshold: float) -> Gate:
    passed = score >= threshold
    return Gate(name, passed, f"{score:.3f} is {'at least' if passed else 'below'} {threshold:.3f}")


def _rounded(score: float) -> float:
    return round(score, 3)
