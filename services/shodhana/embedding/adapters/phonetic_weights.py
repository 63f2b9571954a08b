"""The phonetic model's weights, in the file that training wrote."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from ..domain.phonetic import PhoneticWeights

PATH = Path(__file__).with_name("phonetic.safetensors")


def load_phonetic_weights(path: Path = PATH) -> PhoneticWeights:
    """The weights, in single precision. Raises FileNotFoundError."""
    content = path.read_bytes()
    tensors = {name: tensor.astype(np.float32) for name, tensor in load(content).items()}
    return PhoneticWeights(**tensors, digest=hashlib.sha256(content).hexdigest())
