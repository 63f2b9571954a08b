"""`shodhana lexicon learn`."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

from shodhana.api.review.v1 import knowledge_pb2 as pb

from .session import connected

ROOT = Path(__file__).resolve().parents[3]
PAGE = 1000


def learn(apply: bool, keep: Path | None, profile: Path | None) -> int:
    """Fetches what experts agree on and trains from it; exit code 1 where it would be worse."""
    pairs = _decided(profile)
    agreed = [pair for pair in pairs if not pair.is_disputed]
    print(f"{len(agreed)} decided pairs, {len(pairs) - len(agreed)} disputed ones left out", file=sys.stderr)
    if keep is not None:
        _write(keep, agreed)
        return 0
    if not (ROOT / "training" / "learn.py").exists():
        print("error: learning needs a checkout of the project; --keep FILE keeps what to take there", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="shodhana-") as folder:
        path = Path(folder) / "pairs.tsv"
        _write(path, agreed)
        command = [sys.executable, "-m", "training.learn", str(path), *(["--apply"] if apply else [])]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


def _decided(profile: Path | None) -> list[pb.DecidedPair]:
    pairs: list[pb.DecidedPair] = []
    request = pb.ListDecidedPairsRequest(page_size=PAGE)
    with connected(profile) as client:
        while True:
            answer = client.knowledge.ListDecidedPairs(request)
            pairs.extend(answer.pairs)
            request.page_token = answer.next_page_token
            if not request.page_token:
                return pairs


def _write(path: Path, pairs: list[pb.DecidedPair]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("heard", "term", "experts"))
        writer.writerows((pair.heard, pair.term, pair.expert_count) for pair in pairs)
