"""How a transcript is to be corrected, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .formats import Transcript
from .matcher import Decision, Status, Thresholds
from .ports import Quality
from .verses import Recognised


@dataclass(frozen=True, slots=True)
class CorrectionOptions:
    """How to correct. `validate_only` stores no report and queues no case; `use_…` measure what each brings."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    lexicon_version: str = ""
    validate_only: bool = False
    request_id: str = ""
    use_context: bool = True
    use_mentions: bool = True
    transliterate_devanagari: bool = False


@dataclass(frozen=True, slots=True)
class Correction:
    """A place with its decision; `review_case` names the case, where there is one."""

    decision: Decision
    start_ms: int | None
    review_case: str = ""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected transcript. `quality` is None where the scores could not be had."""

    transcript: Transcript
    content: bytes
    texts: tuple[str, ...]
    corrections: tuple[Correction, ...]
    quality: Quality | None
    lexicon_version: str
    degradations: tuple[str, ...]
    token_count: int
    duration_s: float
    recognised: Recognised = field(default_factory=Recognised)
    new_case_count: int = 0

    @property
    def filename(self) -> str:
        """`talk.corrected.srt` for `talk.srt`."""
        return self.transcript.named("corrected")

    @property
    def requires_review(self) -> bool:
        """Also where a part was missing: what could not be judged is for a person to judge."""
        doubtful = any(correction.decision.status is Status.SUGGESTED for correction in self.corrections)
        doubtful = doubtful or any(verse.is_open for verse in self.recognised.verses)
        return doubtful or bool(self.degradations) or self.quality is None or self.quality.requires_review


@dataclass(frozen=True, slots=True)
class Scored:
    """A transcript as it stands, and its quality."""

    transcript: Transcript
    quality: Quality
    degradations: tuple[str, ...]
