"""Settings of the review service."""

from __future__ import annotations

from shodhana.runtime.settings import RuntimeSettings


class ReviewSettings(RuntimeSettings):
    """Read once in `__main__`."""

    service_name: str = "review"
    lease_s: float = 600.0
    sla_s: float = 3 * 24 * 3600.0
    undo_window_s: float = 300.0
    sweep_s: float = 1.0
