"""Settings of the embedding service."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from shodhana.runtime.settings import RuntimeSettings

from .prepare import DEFAULT


class EmbeddingSettings(RuntimeSettings):
    """Read once in `__main__`."""

    service_name: str = "embedding"
    semantic_model_path: Path = DEFAULT
    """Any sentence-transformers directory; other than BERT with engine "torch" only."""
    embedding_engine: Literal["openvino", "torch"] = "openvino"
    inference_threads: int = 1
    max_queued_tokens: int = 200_000
    cache_ttl_s: float = 24 * 3600
    cache_entries: int = 100_000
    phonetic_cache_entries: int = 50_000
    """Fewer: each takes a kilobyte, and to compute one anew takes a tenth of a millisecond."""
