"""The engines behind their port, and what the phonetic one hears."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from shodhana.embedding.adapters.openvino_engine import OpenVinoEngine
from shodhana.embedding.adapters.phonetic_weights import load_phonetic_weights
from shodhana.embedding.domain.engine import Engine
from shodhana.embedding.domain.phonetic import PhoneticEngine
from shodhana.stack.places import MODEL

TEXTS = [
    "bhakti",
    "the self that is never born",
    "Yoga is the stilling of the movements of the mind, and then the seer rests in its own form. " * 4,
    "oṃ",
    "prārabdha karma is the arrow that has left the bow",
]
HAS_TORCH = importlib.util.find_spec("sentence_transformers") is not None


@pytest.fixture(scope="module", params=["openvino", "phonetic", "torch"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "phonetic":
        return PhoneticEngine(load_phonetic_weights())
    if request.param == "openvino":
        return OpenVinoEngine(MODEL)
    if not HAS_TORCH:
        pytest.skip("extra embedding-torch is not installed")
    from shodhana.embedding.adapters.torch_engine import TorchEngine

    return TorchEngine(MODEL)


class TestEveryEngine:
    """The contract of the port `Engine`."""

    def test_vectors_are_of_unit_length_and_of_the_promised_width(self, engine: Engine) -> None:
        ids = [engine.cut(one, False) if len(one) > engine.card.max_tokens else one for one in engine.tokenize(TEXTS)]
        vectors = engine.encode(ids)
        assert vectors.shape == (len(TEXTS), engine.card.dimensions) == (len(TEXTS), 384)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-4)

    def test_a_text_alone_and_in_a_batch_is_the_same(self, engine: Engine) -> None:
        ids = [engine.cut(one, False) if len(one) > engine.card.max_tokens else one for one in engine.tokenize(TEXTS)]
        together = engine.encode(ids)
        alone = np.vstack([engine.encode([one]) for one in ids])
        assert (together * alone).sum(axis=1).min() >= 0.9999

    def test_a_long_text_is_cut_to_what_the_model_takes(self, engine: Engine) -> None:
        [ids] = engine.tokenize(["word " * 600])
        assert len(ids) > engine.card.max_tokens
        end, start = engine.cut(ids, False), engine.cut(ids, True)
        assert len(end) == len(start) == engine.card.max_tokens
        assert engine.encode([end, start]).shape == (2, 384)

    def test_the_fingerprint_is_the_same_each_time(self, engine: Engine) -> None:
        assert engine.card.fingerprint
        if isinstance(engine, PhoneticEngine):
            assert PhoneticEngine(load_phonetic_weights()).card == engine.card


@pytest.mark.skipif(not HAS_TORCH, reason="extra embedding-torch is not installed")
def test_openvino_agrees_with_sentence_transformers() -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(MODEL), device="cpu").encode(TEXTS, normalize_embeddings=True)
    engine = OpenVinoEngine(MODEL)
    ours = engine.encode([engine.cut(one, False) if len(one) > 256 else one for one in engine.tokenize(TEXTS)])
    assert (ours * reference).sum(axis=1).min() >= 0.9999


@pytest.mark.parametrize(
    ("heard", "right", "other"),
    [
        ("baki", "bhakti", "buddhi"),
        ("praabda", "prārabdha", "prakṛti"),
        ("vrishnamayya", "viṣṇumāyā", "mahālakṣmī"),
        ("sahastrara", "sahasrāra", "saṃsāra"),
        ("gyan", "jñāna", "dhyāna"),
    ],
)
def test_what_was_heard_is_nearest_to_what_was_said(heard: str, right: str, other: str) -> None:
    words, terms = PhoneticEngine(load_phonetic_weights()).vectors([heard, heard]), [right, other]
    to_right, to_other = (words * PhoneticEngine(load_phonetic_weights()).vectors(terms)).sum(axis=1)
    assert to_right > to_other


def test_popular_spellings_share_a_vector() -> None:
    popular, iast = PhoneticEngine(load_phonetic_weights()).vectors(["Krishna", "Kṛṣṇa"])
    assert popular @ iast == pytest.approx(1, abs=1e-5)
