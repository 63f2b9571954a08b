"""Real recogniser errors against the glossary as shipped, beside edit distance alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidfuzz import fuzz, process
from shodhana.similarity.adapters.snapshot_index import SnapshotIndex, VectorTable
from shodhana.similarity.domain.importers import LexiconFormat, Provenance, parse
from shodhana.similarity.domain.index import Model
from shodhana.similarity.domain.lexicon import Entry, Version
from shodhana.similarity.domain.lookup import LoadedVersion
from shodhana.similarity.domain.query import Options, Query
from shodhana.similarity.domain.search import Searcher
from shodhana.stack.places import GLOSSARY
from shodhana.text.fold import popular_fold

LIMIT = 5
ROUNDING = 1e-9


def word_pairs(file: Path) -> list[tuple[str, str]]:
    """(heard, right) of the rows that are no comments."""
    rows = [line.split("\t") for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return [(row[0], row[1]) for row in rows]


def shares(found: list[list[str]], pairs: list[tuple[str, str]]) -> tuple[float, float]:
    """acc@1 and recall@5; a term the glossary lacks counts as an error."""
    first = sum(terms[:1] == [right] for terms, (_, right) in zip(found, pairs, strict=True))
    among = sum(right in terms[:LIMIT] for terms, (_, right) in zip(found, pairs, strict=True))
    return first / len(pairs), among / len(pairs)


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    """The whole glossary."""
    parsed = [parse(path.read_bytes(), LexiconFormat.TSV, Provenance()) for path in sorted(GLOSSARY.glob("*.tsv"))]
    every = (entry for one in parsed for entry in one.entries)
    return [replace(entry, entry_id=place) for place, entry in enumerate(every, 1)]


@pytest.fixture(scope="module")
def searcher(engines: Any, entries: list[Entry]) -> Searcher:
    """Searches the glossary; without contexts no meaning is compared, so phonetic vectors are enough."""
    version = Version(1, True, len(entries), None, "", "", "", datetime.now(UTC))
    forms = [(entry.entry_id, spelling) for entry in entries for spelling in entry.forms.values()]
    fingerprints = asyncio.run(engines.fingerprints())
    spellings = [spelling for _, spelling in forms]
    vectors = asyncio.run(engines.vectors(Model.PHONETIC, spellings, fingerprints[Model.PHONETIC]))
    table = VectorTable(np.array([entry_id for entry_id, _ in forms]), vectors)
    return Searcher(LoadedVersion(version, entries), SnapshotIndex({Model.PHONETIC: table}), engines, fingerprints)


@pytest.mark.parametrize(
    ("file", "least"),
    [("whisper_terms_dev.tsv", (0.66, 0.76)), ("lecture_terms_dev.tsv", (0.53, 0.59))],
)
async def test_hybrid_search_is_no_worse_than_edit_distance_on_real_errors(
    searcher: Searcher, entries: list[Entry], shared_data: Path, file: str, least: tuple[float, float]
) -> None:
    pairs = word_pairs(shared_data / "asr" / file)
    answers = await searcher.search([Query(heard) for heard, _ in pairs], Options(limit=LIMIT))
    ours = shares([[candidate.entry.term for candidate in found] for found in answers.lists], pairs)
    terms = sorted({entry.term for entry in entries})
    folds = [popular_fold(term) for term in terms]
    nearest = [process.extract(popular_fold(heard), folds, scorer=fuzz.ratio, limit=LIMIT) for heard, _ in pairs]
    peer = shares([[terms[place] for _, _, place in found] for found in nearest], pairs)
    print(f"{file}: acc@1 {ours[0]:.3f} (peer {peer[0]:.3f}), recall@5 {ours[1]:.3f} (peer {peer[1]:.3f})")
    assert ours[0] >= max(least[0], peer[0] - 1 / len(pairs) - ROUNDING)
    assert ours[1] >= max(least[1], peer[1] - 1 / len(pairs) - ROUNDING)
