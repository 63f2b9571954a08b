"""Real recogniser errors against the glossary as shipped, beside edit distance alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from rapidfuzz import fuzz, process
from shodhana.similarity.domain.library import Library
from shodhana.similarity.domain.query import Options, Query
from shodhana.text.fold import popular_fold

LIMIT = 5


def word_pairs(file: Path) -> list[tuple[str, str]]:
    """(heard, right) of the rows that are no comments."""
    rows = [line.split("\t") for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return [(row[0], row[1]) for row in rows]


def shares(found: list[list[str]], pairs: list[tuple[str, str]]) -> tuple[float, float]:
    """acc@1 and recall@5; a term the glossary lacks counts as an error."""
    first = sum(terms[:1] == [right] for terms, (_, right) in zip(found, pairs, strict=True))
    among = sum(right in terms[:LIMIT] for terms, (_, right) in zip(found, pairs, strict=True))
    return first / len(pairs), among / len(pairs)


@pytest.mark.parametrize(
    ("file", "least"),
    [("whisper_terms_dev.tsv", (0.71, 0.76)), ("lecture_terms_dev.tsv", (0.53, 0.59))],
)
async def test_hybrid_search_is_no_worse_than_edit_distance_on_real_errors(
    library: Library, shared_data: Path, file: str, least: tuple[float, float]
) -> None:
    pairs = word_pairs(shared_data / "asr" / file)
    _, searcher = await library.searcher(None)
    answers = await searcher.search([Query(heard) for heard, _ in pairs], Options(limit=LIMIT))
    ours = shares([[candidate.entry.term for candidate in found] for found in answers.lists], pairs)
    terms = sorted({candidate.term for candidate in (await library.loaded(1)).entries.values()})
    folds = [popular_fold(term) for term in terms]
    nearest = [process.extract(popular_fold(heard), folds, scorer=fuzz.ratio, limit=LIMIT) for heard, _ in pairs]
    peer = shares([[terms[place] for _, _, place in found] for found in nearest], pairs)
    print(f"{file}: acc@1 {ours[0]:.3f} (peer {peer[0]:.3f}), recall@5 {ours[1]:.3f} (peer {peer[1]:.3f})")
    assert ours[0] >= max(least[0], peer[0] - 1 / len(pairs))
    assert ours[1] >= max(least[1], peer[1] - 1 / len(pairs))
