"""The fast default engine: no torch, one thread, bf16 where the processor has it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino as ov

from ..domain.engine import Matrix, ModelCard, TokenIds
from .openvino_graph import BertGraph, Shape
from .wordpiece import WordPiece


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
        ids, mask = padded(batch)
        result = self._request.infer({"input_ids": ids, "attention_mask": mask})
        return np.array(next(iter(result.values())), np.float32)


def padded(batch: Sequence[TokenIds]) -> tuple[np.ndarray, np.ndarray]:
    """(n, longest) ids and mask."""
    longest = max(map(len, batch))
    ids = np.zeros((len(batch), longest), np.int64)
    mask = np.zeros((len(batch), longest), np.int64)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask


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
