"""The reference engine: sentence-transformers, from any model directory (extra `embedding-torch`)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from ..domain.engine import Matrix, ModelCard, TokenIds
from .openvino_engine import padded


class TorchEngine:
    """The port `Engine` over sentence-transformers in float32. Use it in one thread."""

    def __init__(self, directory: Path) -> None:
        self._model = SentenceTransformer(str(directory), device="cpu")
        self._model.eval()
        self._fingerprint = self._hash_weights()

    @property
    def card(self) -> ModelCard:
        dimensions = int(self._model.get_embedding_dimension() or 0)
        longest = int(self._model.max_seq_length or 512)
        return ModelCard("semantic", dimensions, longest, self._fingerprint, "sentence-transformers")

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self._model.tokenizer(list(texts), add_special_tokens=True, truncation=False)
        return [list(ids) for ids in encoded["input_ids"]]

    def cut(self, ids: TokenIds, from_start: bool) -> list[int]:
        inner = self.card.max_tokens - 2
        kept = ids[-1 - inner : -1] if from_start else ids[1 : 1 + inner]
        return [ids[0], *kept, ids[-1]]

    def encode(self, batch: Sequence[TokenIds]) -> Matrix:
        ids, mask = padded(batch, len(batch), max(map(len, batch)))
        features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        with torch.inference_mode():
            vectors = self._model(features)["sentence_embedding"]
            vectors = torch.nn.functional.normalize(vectors, dim=1)
        return np.asarray(vectors.numpy(), np.float32)

    def _hash_weights(self) -> str:
        digest = hashlib.blake2b(f"torch-{torch.__version__}".encode(), digest_size=6)
        for name, tensor in sorted(self._model.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()
