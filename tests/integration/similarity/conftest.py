"""The real engines in this process, as a vectorizer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from shodhana.embedding.adapters.openvino_engine import OpenVinoEngine
from shodhana.embedding.domain.phonetic import PhoneticEngine
from shodhana.similarity.domain.index import Matrix, Model
from shodhana.similarity.domain.query import VectorsMissing
from shodhana.stack.places import MODEL


class LocalVectorizer:
    """The port `Vectorizer` over the engines themselves, each text encoded once; `is_down` makes it fail."""

    def __init__(self) -> None:
        self._engines = {Model.PHONETIC: PhoneticEngine(), Model.SEMANTIC: OpenVinoEngine(MODEL)}
        self._known: dict[tuple[Model, str], Matrix] = {}
        self.is_down = False
        self.calls = 0

    async def vectors(self, model: Model, texts: Sequence[str], bulk: bool = False) -> Matrix:
        if self.is_down:
            raise VectorsMissing("down")
        self.calls += 1
        engine = self._engines[model]
        if missing := [text for text in dict.fromkeys(texts) if (model, text) not in self._known]:
            fresh = engine.encode(engine.tokenize(missing))
            self._known.update(zip([(model, text) for text in missing], fresh, strict=True))
        return np.stack([self._known[model, text] for text in texts])

    async def fingerprint(self, model: Model) -> str:
        return self._engines[model].card.fingerprint


@pytest.fixture(scope="session")
def engines() -> LocalVectorizer:
    return LocalVectorizer()


@pytest.fixture
def vectorizer(engines: LocalVectorizer) -> LocalVectorizer:
    engines.is_down = False
    engines.calls = 0
    return engines
