"""Settings of the transcripts service and its workers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from shodhana.runtime.settings import RuntimeSettings

from .domain.matcher import Thresholds


class TranscriptsSettings(RuntimeSettings):
    """Read once in `__main__`, or once a worker process."""

    service_name: str = "transcripts"
    suggest_threshold: float = 0.5
    processing_mode: Literal["standard", "suggest_only"] = "standard"
    """suggest_only: nothing is applied, whatever its probability; people decide on everything."""
    batch_size: int = Field(default=100, ge=1)
    """Files that a sweep rings the workers for at most."""
    anglicised_terms: Literal["keep", "restore"] = "keep"
    lease_s: float = 30.0
    """How long a worker holds a file without a sign of life."""
    sweep_s: float = 2.0
    max_attempts: int = 3
    """A file whose worker died that often is poison."""
    watch_interval_s: float = 0.25
    worker_ready_path: Path | None = None
    """Touched when the worker takes tasks."""

    def thresholds(self) -> Thresholds:
        """The deployment's thresholds."""
        return Thresholds(
            self.similarity_threshold,
            self.suggest_threshold,
            self.anglicised_terms == "keep",
            may_apply=self.processing_mode == "standard",
        )
