"""A small lexicon, with vectors that can be reasoned about: letters for sound, topics for meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from shodhana.similarity.adapters.snapshot_index import SnapshotIndex, VectorTable
from shodhana.similarity.domain.index import DIMENSIONS, Matrix, Model
from shodhana.similarity.domain.lexicon import Entry, Version
from shodhana.similarity.domain.lookup import LoadedVersion
from shodhana.similarity.domain.query import VectorsMissing
from shodhana.similarity.domain.search import Searcher

ENTRIES = (
    Entry("bhakti", "spiritual", "bhakti", "noun", "love and devotion", ("bhakthi",)),
    Entry("bhukti", "spiritual", "tantra", "noun", "worldly enjoyment"),
    Entry("jñāna", "philosophical", "vedanta", "noun", "knowledge, wisdom", ("gyan",)),
    Entry("dhyāna", "spiritual", "yoga", "noun", "meditation", ("dhyan",)),
    Entry("gāna", "general", "music", "noun", "song"),
    Entry("mokṣa", "philosophical", "vedanta", "noun", "liberation"),
)
TOPICS = ("devotion", "enjoyment", "knowledge", "meditation", "song", "liberation")


class TopicVectorizer:
    """The port `Vectorizer`: letters make the phonetic vector, topics named in the text the semantic one."""

    def __init__(self) -> None:
        self.is_down = False
        self.is_of = "topics"
        self.asked: list[tuple[Model, int]] = []

    async def vectors(self, model: Model, texts: Sequence[str], fingerprint: str, bulk: bool = False) -> Matrix:
        if self.is_down or fingerprint != self.is_of:
            raise VectorsMissing("down, or another model")
        self.asked.append((model, len(texts)))
        return np.stack([vector_of(model, text) for text in texts])

    async def fingerprints(self) -> dict[Model, str]:
        if self.is_down:
            raise VectorsMissing("down")
        return dict.fromkeys(Model, self.is_of)


def vector_of(model: Model, text: str) -> Matrix:
    vector = np.full(DIMENSIONS, 1e-3, np.float32)
    if model is Model.PHONETIC:
        for letter in text.casefold():
            vector[ord(letter) % DIMENSIONS] += 1
    else:
        for place, topic in enumerate(TOPICS):
            vector[place] += topic in text
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def version_of(entries: Iterable[Entry], version_id: int = 1) -> Version:
    count = len(tuple(entries))
    return Version(version_id, True, count, None, "", "", "", datetime(2026, 1, 1, tzinfo=UTC))


def index_of(entries: Sequence[Entry]) -> SnapshotIndex:
    forms = [(entry.entry_id, form) for entry in entries for form in entry.forms.values()]
    return SnapshotIndex(
        {
            Model.PHONETIC: VectorTable(
                np.array([entry_id for entry_id, _ in forms]),
                np.stack([vector_of(Model.PHONETIC, form) for _, form in forms]),
            ),
            Model.SEMANTIC: VectorTable(
                np.array([entry.entry_id for entry in entries]),
                np.stack([vector_of(Model.SEMANTIC, entry.gloss) for entry in entries]),
            ),
        }
    )


@pytest.fixture
def entries() -> tuple[Entry, ...]:
    return tuple(replace(entry, entry_id=place) for place, entry in enumerate(ENTRIES, 1))


@pytest.fixture
def vectorizer() -> TopicVectorizer:
    return TopicVectorizer()


@pytest.fixture
def searcher(entries: tuple[Entry, ...], vectorizer: TopicVectorizer) -> Searcher:
    fingerprints = dict.fromkeys(Model, vectorizer.is_of)
    return Searcher(LoadedVersion(version_of(entries), entries), index_of(entries), vectorizer, fingerprints)


@pytest.fixture
def spelling_searcher(entries: tuple[Entry, ...]) -> Searcher:
    """As with the semantic layer switched off."""
    return Searcher(LoadedVersion(version_of(entries), entries), None, None)
