"""Ranks the development word pairs through a whole mesh, beside rapidfuzz over the same glossary.

    .venv/bin/python tests/eval/eval_terms.py [--json FILE]

A pair whose right term the glossary lacks counts as an error. Skips, saying so, without the development data.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from rapidfuzz import fuzz, process
from shodhana.api.similarity.v1 import lexicon_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana.stack.places import PROJECT
from shodhana.text.fold import popular_fold
from shodhana_client import Client
from shodhana_client.profile import Profile

DATA = Path(os.environ.get("SHODHANA_SHARED", PROJECT.parent / "shared")) / "data" / "asr"
Pair = tuple[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    if not DATA.exists():
        print(f"skipped: no development data at {DATA}")
        return
    with tempfile.TemporaryDirectory(prefix="shodhana-eval-") as name:
        Path(name).chmod(0o755)
        stack = [sys.executable, "-m", "shodhana.stack"]
        subprocess.run([*stack, "up", "--detach", "--dir", name], check=True, stdout=subprocess.DEVNULL)
        try:
            with Client(Profile.read(Path(name) / "client.json")) as client:
                figures = {title: evaluate(client, pairs) for title, pairs in pairs_by_set().items()}
        finally:
            subprocess.run([*stack, "down", "--dir", name], check=False, stdout=subprocess.DEVNULL)
    print(f"{'set':<22}{'pairs':>6}{'in glossary':>12}{'acc@1':>8}{'recall@5':>10}{'peer acc@1':>12}{'peer r@5':>10}")
    for title, row in figures.items():
        ours, peer = row["ours"], row["peer"]
        print(
            f"{title:<22}{row['pairs']:>6}{row['known']:>12}{ours[0]:>8.2f}{ours[1]:>10.2f}{peer[0]:>12.2f}{peer[1]:>10.2f}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


def pairs_by_set() -> dict[str, list[Pair]]:
    """Heard and right, by set."""
    sets: dict[str, list[Pair]] = defaultdict(list)
    for line in (DATA / "whisper_terms_dev.tsv").read_text().splitlines()[1:]:
        heard, right = line.split("\t")[:2]
        sets["whisper talks"].append((heard, right))
    for line in (DATA / "lecture_terms_dev.tsv").read_text().splitlines()[1:]:
        heard, right, source = line.split("\t")[:3]
        sets["raw lecture" if source == "BG0330" else "popular spellings"].append((heard, right))
    return sets


def evaluate(client: Client, pairs: list[Pair]) -> dict[str, object]:
    request = pb.SuggestTermsRequest(items=[pb.HeardTerm(heard=heard) for heard, _ in pairs], limit=5)
    answers = client.transcripts.SuggestTerms(request).suggestions
    ours = [[candidate.term for candidate in answer.candidates] for answer in answers]
    terms = glossary(client)
    folds = [popular_fold(term) for term in terms]
    peer = [
        [terms[place] for _, _, place in process.extract(popular_fold(heard), folds, scorer=fuzz.ratio, limit=5)]
        for heard, _ in pairs
    ]
    known = sum(right in terms for _, right in pairs)
    return {"pairs": len(pairs), "known": known, "ours": scores(ours, pairs), "peer": scores(peer, pairs)}


def scores(ranked: list[list[str]], pairs: list[Pair]) -> tuple[float, float]:
    """acc@1 and recall@5."""
    first = sum(found[:1] == [right] for found, (_, right) in zip(ranked, pairs, strict=True))
    five = sum(right in found for found, (_, right) in zip(ranked, pairs, strict=True))
    return round(first / len(pairs), 3), round(five / len(pairs), 3)


def glossary(client: Client) -> list[str]:
    """The terms of the active version."""
    terms: list[str] = []
    token = ""
    while True:
        request = lexicon_pb2.ListEntriesRequest(parent="lexiconVersions/active", page_size=1000, page_token=token)
        page = client.lexicon.ListEntries(request)
        terms.extend(entry.term for entry in page.entries)
        token = page.next_page_token
        if not token:
            return sorted(set(terms))


if __name__ == "__main__":
    main()
