"""Settings of the quality service."""

from __future__ import annotations

from shodhana.runtime.settings import RuntimeSettings


class QualitySettings(RuntimeSettings):
    """Read once in `__main__`."""

    service_name: str = "quality"
    lexicon_refresh_s: float = 2.0
    stats_refresh_s: float = 30.0
    cache_ttl_s: float = 3600
    cache_entries: int = 50_000
