"""What a correction tells metrics and traces."""

from __future__ import annotations

from collections import Counter

from shodhana.runtime import metrics, telemetry

from .domain.corrected import Corrected
from .domain.formats import Format
from .domain.jobs import ClaimedFile, FilesWaiting
from .domain.matcher import Status


def corrected(done: Corrected) -> None:
    """Counts a corrected file and describes it in the present span; never its text."""
    metrics.PROCESSING_DURATION.labels(done.transcript.format.value).observe(done.duration_s, telemetry.exemplar())
    metrics.FILES_DEGRADED.inc(bool(done.degradations))
    metrics.FILES_TO_REVIEW.inc(done.requires_review)
    counts = Counter(correction.decision.status for correction in done.corrections)
    for status in (Status.APPLIED, Status.SUGGESTED):
        metrics.PLACES_FOUND.labels(status.value).inc(counts[status])
    telemetry.annotate(
        format=done.transcript.format.value,
        cue_count=len(done.transcript.cues),
        token_count=done.token_count,
        applied_count=counts[Status.APPLIED],
        suggested_count=counts[Status.SUGGESTED],
        verse_count=len(done.recognised.verses),
        lexicon_version=done.lexicon_version,
        degraded=bool(done.degradations),
        requires_review=done.requires_review,
    )


def claimed(file: ClaimedFile) -> None:
    """Tells how long a file has waited, at its first attempt: later ones wait for other reasons."""
    telemetry.annotate(queue_wait_ms=round(file.waited_s * 1000))
    if file.attempt == 1:
        metrics.JOB_WAIT.observe(file.waited_s, telemetry.exemplar())


def ended(outcome: str) -> None:
    """Counts a file by what came of it ("succeeded", "failed")."""
    metrics.FILES_PROCESSED.labels(outcome).inc()


def waiting(files: FilesWaiting) -> None:
    """Shows what is left to do, the same at each replica."""
    metrics.JOB_FILES.labels("queued").set(files.queued_count)
    metrics.JOB_FILES.labels("running").set(files.running_count)
    metrics.JOB_OLDEST_WAIT.set(files.oldest_wait_s)


def begin() -> None:
    """Counters that are there from the start: a first failure is a rise too."""
    for outcome in ("succeeded", "failed"):
        metrics.FILES_PROCESSED.labels(outcome)
    for status in (Status.APPLIED, Status.SUGGESTED):
        metrics.PLACES_FOUND.labels(status.value)
    for layout in Format:
        metrics.PROCESSING_DURATION.labels(layout.value)
