"""Settings of the similarity service."""

from __future__ import annotations

from pathlib import Path

from shodhana.runtime.settings import RuntimeSettings


class SimilaritySettings(RuntimeSettings):
    """Read once in `__main__`."""

    service_name: str = "similarity"
    glossary_path: Path | None = None
    """Folder of TSV files taken over at start; absent: none."""
    verses_path: Path | None = None
    """Folder of TSV files of verses taken over at start; absent: none."""
    refresh_s: float = 1.0
    cache_ttl_s: float = 24 * 3600
    cache_entries: int = 20_000
    """Results in this process, about 2 KB each; Redis holds more."""
