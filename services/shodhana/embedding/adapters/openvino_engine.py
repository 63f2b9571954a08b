"""The fast default engine: no torch, one thread, bf16 where the processor has it."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from ..domain.engine import Matrix, ModelCard, TokenIds
from .openvino_graph import BertGraph, Shape
from .wordpiece import WordPiece

Ids = NDArray[np.int64]
# A shape seen for the first time costs some milliseconds of planning, padding costs at every call: steps of about a
# tenth keep both small. All the shapes of a micro-batch together hold 100 MB.
ROWS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128)
LENGTHS = (*range(4, 28, 2), 28, 32, 36, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256)


class OpenVinoEngine:
    """The port `Engine` over a model directory of sentence-transformers. Load and use it in one thread."""

    def __init__(self, directory: Path, threads: int = 1, precision: str | None = None) -> None:
        self._wordpiece = WordPiece(directory)
        core = ov.Core()
        self._precision = precision or ("bf16" if has_bf16() else "f32")
        config = {
            "INFERENCE_PRECISION_HINT": self._precision,
            "INFERENCE_NUM_THREADS": str(threads),
            "NUM_STREAMS": "1",
            "ENABLE_CPU_PINNING": "NO",  # pinned, two replicas share one core
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._request = core.compile_model(
            BertGraph.from_directory(directory).build(), "CPU", config
        ).create_infer_request()
        self._dimensions = Shape.read(directory).hidden
        self._fingerprint = _fingerprint(directory, f"openvino-{ov.__version__}-{self._precision}")

    @property
    def card(self) -> ModelCard:
        engine = f"openvino {self._precision}"
        return ModelCard("semantic", self._dimensions, self._wordpiece.max_tokens, self._fingerprint, engine)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        return self._wordpiece.tokenize(texts)

    def cut(self, ids: TokenIds, from_start: bool) -> list[int]:
        return self._wordpiece.cut(ids, from_start)

    def encode(self, batch: Sequence[TokenIds]) -> Matrix:
        ids, mask = padded(batch, bucketed(len(batch), ROWS), bucketed(max(map(len, batch)), LENGTHS))
        result = self._request.infer({"input_ids": ids, "attention_mask": mask})
        return np.array(next(iter(result.values()))[: len(batch)], np.float32)


def padded(batch: Sequence[TokenIds], rows: int, length: int) -> tuple[Ids, Ids]:
    """(rows, length) ids and mask; rows beyond the batch hold one token, so that no mean is over nothing."""
    ids = np.zeros((rows, length), np.int64)
    mask = np.zeros((rows, length), np.int64)
    mask[len(batch) :, 0] = 1
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask


def bucketed(size: int, buckets: Sequence[int]) -> int:
    """The smallest bucket that holds `size`; beyond the last, a multiple of it."""
    fitting = bisect.bisect_left(buckets, size)
    return buckets[fitting] if fitting < len(buckets) else -(-size // buckets[-1]) * buckets[-1]


def has_bf16() -> bool:
    """Whether the processor computes in bfloat16."""
    capabilities = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in capabilities


def _fingerprint(directory: Path, engine: str) -> str:
    digest = hashlib.blake2b(engine.encode(), digest_size=6)
    for name in ("model.safetensors", "tokenizer.json"):
        with (directory / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
