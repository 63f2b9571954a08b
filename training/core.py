"""The search and the correction in this process, over the glossary as shipped: what training and evaluation measure.

The parts are the services' own, put together without wire, stores and caches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from shodhana.embedding.adapters.openvino_engine import OpenVinoEngine
from shodhana.embedding.adapters.phonetic_weights import load_phonetic_weights
from shodhana.embedding.domain.engine import Engine
from shodhana.embedding.domain.phonetic import PhoneticEngine
from shodhana.similarity.adapters.snapshot_index import SnapshotIndex, VectorTable
from shodhana.similarity.domain.importers import LexiconFormat, Provenance, parse
from shodhana.similarity.domain.index import Matrix, Model
from shodhana.similarity.domain.lexicon import Entry, Version
from shodhana.similarity.domain.lookup import LoadedVersion
from shodhana.similarity.domain.query import Candidate as FoundCandidate
from shodhana.similarity.domain.query import Options, Query
from shodhana.similarity.domain.search import Searcher
from shodhana.stack.places import GLOSSARY, MODEL, PROJECT
from shodhana.transcripts.domain.ports import Candidate, Candidates, Evidence, Heard, Quality, ToScore

KEPT = PROJECT / "build" / "vectors"  # gloss vectors take seconds; they are kept by content
FINGERPRINT = "local"
BATCH = 64


class LocalVectorizer:
    """The port `Vectorizer` over the engines themselves, each text encoded once."""

    def __init__(self) -> None:
        self.engines: dict[Model, Engine] = {
            Model.PHONETIC: PhoneticEngine(load_phonetic_weights()),
            Model.SEMANTIC: OpenVinoEngine(MODEL),
        }
        self._known: dict[tuple[Model, str], Matrix] = {}

    async def vectors(self, model: Model, texts: Sequence[str], fingerprint: str, bulk: bool = False) -> Matrix:
        return self.encode(model, texts)

    async def fingerprints(self) -> dict[Model, str]:
        return dict.fromkeys(Model, FINGERPRINT)

    def encode(self, model: Model, texts: Sequence[str]) -> Matrix:
        """(n, 384)."""
        missing = sorted({text for text in texts if (model, text) not in self._known}, key=len)
        engine = self.engines[model]
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            ids = [engine.cut(one, False) for one in engine.tokenize(part)]
            self._known.update(zip([(model, text) for text in part], engine.encode(ids), strict=True))
        return np.stack([self._known[model, text] for text in texts])


class LocalSearch:
    """The port `CandidateSearch` of the correction, over the glossary."""

    def __init__(self, entries: Sequence[Entry], vectorizer: LocalVectorizer, use_phonetic: bool = True) -> None:
        count = len(entries)
        version = Version(1, True, count, None, "", "", "", datetime.now(UTC))
        self.entries = entries
        self._use_phonetic = use_phonetic
        self._searcher = Searcher(
            LoadedVersion(version, entries),
            SnapshotIndex({model: _table(model, entries, vectorizer) for model in Model}),
            vectorizer,
            dict.fromkeys(Model, FINGERPRINT),
        )

    async def find(self, heard: Sequence[Heard], limit: int, lexicon_version: str) -> Candidates:
        queries = [Query(item.text, item.context) for item in heard]
        found = await self._searcher.search(queries, Options(limit=limit))
        lists = tuple(tuple(self._candidate(one) for one in listed) for listed in found.lists)
        return Candidates(lists, "lexiconVersions/1", found.degraded)

    def _candidate(self, found: FoundCandidate) -> Candidate:
        evidence = {Evidence(reason.kind.value): reason.score for reason in found.reasons}
        if not self._use_phonetic:
            evidence.pop(Evidence.PHONETIC, None)
        entry = found.entry
        reasons = tuple(reason.text for reason in found.reasons)
        return Candidate(entry.term, entry.domain, entry.gloss, "", found.score, evidence, reasons, entry.anglicised)


def glossary_entries() -> tuple[Entry, ...]:
    """The glossary as shipped, numbered."""
    entries = [
        entry
        for path in sorted(GLOSSARY.glob("*.tsv"))
        for entry in parse(path.read_bytes(), LexiconFormat.TSV, Provenance()).entries
    ]
    return tuple(replace(entry, entry_id=number) for number, entry in enumerate(entries, 1))


def _table(model: Model, entries: Sequence[Entry], vectorizer: LocalVectorizer) -> VectorTable:
    if model is Model.PHONETIC:
        rows = [(entry.entry_id, spelling) for entry in entries for spelling in entry.forms.values()]
    else:
        rows = [(entry.entry_id, f"{entry.term}: {entry.gloss}") for entry in entries]
    texts = [text for _, text in rows]
    return VectorTable(np.array([entry_id for entry_id, _ in rows], np.int64), _kept(model, texts, vectorizer))


def _kept(model: Model, texts: Sequence[str], vectorizer: LocalVectorizer) -> Matrix:
    card = vectorizer.engines[model].card
    name = hashlib.blake2b("\n".join([card.fingerprint, *texts]).encode(), digest_size=12).hexdigest()
    file = KEPT / f"{model.value}-{name}.npy"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, vectorizer.encode(model, texts))
    return np.asarray(np.load(file), np.float32)


class Unscored:
    """The port `TranscriptScorer`: where places alone matter, nothing is scored."""

    async def score(self, transcript: ToScore) -> Quality:
        return Quality("", False, None)
