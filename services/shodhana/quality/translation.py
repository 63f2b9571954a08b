"""Reports as messages."""

from __future__ import annotations

from dataclasses import asdict

from shodhana.api.quality.v1 import quality_pb2 as pb

from .domain.values import Policy, Report

MAX_VIOLATIONS = MAX_DOUBTS = 1000
MAX_VARIANTS, MAX_EXPECTED = 100, 10


def message_of(report: Report) -> pb.QualityReport:
    """The report with as many places as it may hold; `violation_count` counts all."""
    return pb.QualityReport(
        scores=pb.Scores(**{name: score for name, score in asdict(report.scores).items() if score is not None}),
        requires_review=report.requires_review,
        gates=[pb.Gate(**asdict(gate)) for gate in report.gates],
        violations=[
            pb.Violation(**{**asdict(violation), "expected": violation.expected[:MAX_EXPECTED]})
            for violation in report.violations[:MAX_VIOLATIONS]
        ],
        violation_count=len(report.violations),
        sanskrit_token_count=report.sanskrit_token_count,
        other_token_count=report.other_token_count,
        edited_other_token_count=report.edited_other_token_count,
        thresholds=_thresholds(report.policy),
        lexicon_version=report.lexicon_version,
        degraded=report.degraded,
        explanations=[pb.ScoreExplanation(**asdict(explanation)) for explanation in report.explanations],
        doubtful_tokens=[pb.DoubtfulToken(**asdict(doubt)) for doubt in report.doubts[:MAX_DOUBTS]],
        spelling_variants=[pb.SpellingVariants(spellings=several) for several in report.variants[:MAX_VARIANTS]],
        sanskrit_weight=report.sanskrit_weight,
        attested_forms=report.attested_forms,
    )


def _thresholds(policy: Policy) -> pb.Thresholds:
    weights = policy.weights
    return pb.Thresholds(
        min_academic_score=policy.min_academic_score,
        iast_compliance_threshold=policy.iast_compliance_threshold,
        similarity_threshold=policy.similarity_threshold,
        weights_version=policy.version,
        iast_compliance_weight=weights.iast_compliance,
        sanskrit_accuracy_weight=weights.sanskrit_accuracy,
        spelling_consistency_weight=weights.spelling_consistency,
        format_integrity_weight=weights.format_integrity,
        edit_penalty=policy.edit_penalty,
        unknown_form_probability=policy.unknown_form_probability,
    )
