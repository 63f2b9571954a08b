"""Settings of the review service."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shodhana.runtime.settings import RuntimeSettings

Share = Annotated[float, Field(ge=0, le=1)]


class ReviewSettings(RuntimeSettings):
    """Read once in `__main__`."""

    service_name: str = "review"
    lease_s: float = 600.0
    sla_s: float = 3 * 24 * 3600.0
    undo_window_s: float = 300.0
    sweep_s: float = 1.0
    second_read_share: Share = 0.05
    """Share of the cases that a second expert reads, unasked."""
    gold_share: Share = 0.03
    """Share of the claims in which a case with a known answer is handed out, as long as there are any."""
    quorum: int = Field(default=2, ge=1)
    """How many experts have to agree before the lexicon learns from them; an adjudicator is enough by himself."""
    passed_sample_share: Share = 0.1
    """Share of the cases that pass under a newer lexicon which an expert is shown all the same."""
