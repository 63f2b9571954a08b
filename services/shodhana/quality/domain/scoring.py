"""The scores of a transcript. Source: the scoring section of the correction design; rules and weights are versioned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from .attested import AttestedForms, NoForms
from .edits import count_edits
from .explanation import explained
from .lexicon import KnownTerms
from .rules import Judgement, Rules
from .tally import scores_of, tally
from .values import Doubt, Gate, Policy, Report, Scores, Status, Transcript, Violation
from .words import Word, words_of


def score_transcript(
    transcript: Transcript, known: KnownTerms | None, policy: Policy, forms: AttestedForms | None = None
) -> Report:
    """Scores, gates and violations. Without known terms canonical spellings are not checked: `degraded`."""
    forms = forms or NoForms()
    words = list(words_of(transcript, known, policy))
    sanskrit = [word for word in words if word.weight]
    rules = Rules(known, frozenset(), policy)
    rules = replace(rules, attested=forms.among(_unlisted(sanskrit, rules)))
    judged = [rules.judge(word) for word in sanskrit]
    counted = tally(transcript, judged, len(words), count_edits(transcript))
    scores = scores_of(counted, policy)
    gates = tuple(_gates(scores, _uncertain(judged, policy), policy))
    return Report(
        scores=scores,
        gates=gates,
        violations=tuple(_distinct(judged)),
        sanskrit_token_count=counted.sanskrit_count,
        other_token_count=counted.other_count,
        edited_other_token_count=counted.edited_count,
        policy=policy,
        lexicon_version=known.version if known else "",
        degraded=known is None,
        doubts=tuple(_doubt(one) for one in judged if one.probability < 1),
        variants=counted.variants,
        explanations=tuple(explained(counted, scores, policy)),
        sanskrit_weight=round(counted.weight, 3),
        attested_forms=forms.version,
        requires_review=not all(gate.passed for gate in gates),
    )


def _unlisted(words: Iterable[Word], rules: Rules) -> set[str]:
    """What the lexicon does not settle."""
    return {reading for word in words if not rules.is_listed(word) for reading in word.readings}


def _distinct(judged: Iterable[Judgement]) -> Iterator[Violation]:
    """Each place once: the words of a term of several words break a rule together."""
    return iter(dict.fromkeys(violation for one in judged for violation in one.violations))


def _doubt(one: Judgement) -> Doubt:
    word = one.word
    return Doubt(word.cue, word.start, word.end, word.text, word.weight, one.probability, one.reason)


def _uncertain(judged: Sequence[Judgement], policy: Policy) -> int:
    """Terms that are left, or less probable than a correction has to be."""
    uncertain = {
        one.word.term
        for one in judged
        if one.word.term is not None
        and one.probability < 1
        and (one.word.term.status is Status.UNRESOLVED or one.word.term.probability < policy.similarity_threshold)
    }
    return len(uncertain)


def _gates(scores: Scores, uncertain: int, policy: Policy) -> Iterator[Gate]:
    if scores.academic_score is not None:
        yield _gate("academic_score", scores.academic_score, policy.min_academic_score)
    if scores.iast_compliance is not None:
        yield _gate("iast_compliance", scores.iast_compliance, policy.iast_compliance_threshold)
    terms = "1 term is" if uncertain == 1 else f"{uncertain} terms are"
    yield Gate("uncertain_terms", not uncertain, f"{terms} uncertain")


def _gate(name: str, score: float, threshold: float) -> Gate:
    passed = score >= threshold
    return Gate(name, passed, f"{score:.3f} is {'at least' if passed else 'below'} {threshold:.3f}")
