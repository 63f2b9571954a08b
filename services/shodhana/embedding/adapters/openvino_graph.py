"""A sentence-transformers BERT as an OpenVINO graph, built from its safetensors; pooling and L2 inside the graph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as op
from safetensors.numpy import load_file


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a BERT."""

    layers: int
    heads: int
    hidden: int
    epsilon: float

    @classmethod
    def read(cls, directory: Path) -> Shape:
        """From `config.json`. Raises ValueError for a model of another kind."""
        config = json.loads((directory / "config.json").read_text())
        if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
            raise ValueError(f"{directory}: the OpenVINO engine takes BERT with GELU; use extra embedding-torch")
        return cls(
            config["num_hidden_layers"],
            config["num_attention_heads"],
            config["hidden_size"],
            config["layer_norm_eps"],
        )


class BertGraph:
    """Builds the graph: (batch, length) ids and mask → (batch, hidden) unit vectors."""

    def __init__(self, weights: Mapping[str, Any], shape: Shape) -> None:
        self._weights = weights
        self._shape = shape

    @classmethod
    def from_directory(cls, directory: Path) -> BertGraph:
        return cls(load_file(directory / "model.safetensors"), Shape.read(directory))

    def build(self) -> ov.Model:
        ids = op.parameter([-1, -1], np.int64, name="input_ids")
        mask = op.parameter([-1, -1], np.int64, name="attention_mask")
        kept = op.convert(mask, "f32")
        hidden = self._embed(ids)
        far = op.multiply(op.subtract(op.constant(np.float32(1)), kept), op.constant(np.float32(-1e9)))
        bias = op.unsqueeze(far, _axes([1, 2]))
        for layer in range(self._shape.layers):
            hidden = self._layer(hidden, bias, f"encoder.layer.{layer}")
        return ov.Model([self._pool(hidden, kept)], [ids, mask], "sentence-encoder")

    def _embed(self, ids: Any) -> Any:
        zero, one = op.constant(np.int64(0)), op.constant(np.int64(1))
        length = op.gather(op.shape_of(ids), one, zero)
        positions = op.range(zero, length, one, output_type="i64")
        words = op.gather(self._constant("embeddings.word_embeddings.weight"), ids, zero)
        places = op.gather(self._constant("embeddings.position_embeddings.weight"), positions, zero)
        kind = op.constant(self._weight("embeddings.token_type_embeddings.weight")[0])
        return self._norm(op.add(op.add(words, kind), places), "embeddings.LayerNorm")

    def _layer(self, hidden: Any, bias: Any, name: str) -> Any:
        query, key, value = (
            self._heads(self._dense(hidden, f"{name}.attention.self.{part}")) for part in ("query", "key", "value")
        )
        attended = op.scaled_dot_product_attention(query, key, value, bias)
        merged = op.reshape(
            op.transpose(attended, _axes([0, 2, 1, 3])),
            _axes([0, 0, self._shape.hidden]),
            special_zero=True,
        )
        hidden = self._norm(
            op.add(self._dense(merged, f"{name}.attention.output.dense"), hidden), f"{name}.attention.output.LayerNorm"
        )
        wide = op.gelu(self._dense(hidden, f"{name}.intermediate.dense"), "erf")
        return self._norm(op.add(self._dense(wide, f"{name}.output.dense"), hidden), f"{name}.output.LayerNorm")

    def _heads(self, tensor: Any) -> Any:
        width = self._shape.hidden // self._shape.heads
        parted = op.reshape(tensor, _axes([0, 0, self._shape.heads, width]), special_zero=True)
        return op.transpose(parted, _axes([0, 2, 1, 3]))

    def _dense(self, tensor: Any, name: str) -> Any:
        product = op.matmul(tensor, self._constant(f"{name}.weight"), False, True)
        return op.add(product, self._constant(f"{name}.bias"))

    def _norm(self, tensor: Any, name: str) -> Any:
        axes = _axes([-1])
        centred = op.mvn(tensor, axes, True, self._shape.epsilon, "inside_sqrt")
        return op.add(op.multiply(centred, self._constant(f"{name}.weight")), self._constant(f"{name}.bias"))

    def _pool(self, hidden: Any, kept: Any) -> Any:
        axis = _axes([1])
        column = op.unsqueeze(kept, _axes([2]))
        mean = op.divide(op.reduce_sum(op.multiply(hidden, column), axis), op.reduce_sum(column, axis, keep_dims=False))
        return op.normalize_l2(mean, _axes([1]), 1e-12, "max")

    def _constant(self, name: str) -> Any:
        return op.constant(self._weight(name))

    def _weight(self, name: str) -> Any:
        return np.ascontiguousarray(self._weights[name], np.float32)


def _axes(values: list[int]) -> Any:
    return op.constant(np.array(values, np.int64))
