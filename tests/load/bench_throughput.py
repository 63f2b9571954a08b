"""Files an hour through a whole mesh: real talks of about half an hour, cold and warm caches, by the workers.

    .venv/bin/python tests/load/bench_throughput.py [--json FILE] [--repeat 10]

Starts a mesh of its own. Without the development data the sample lecture stands in, lengthened to half an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana.stack.places import PROJECT
from shodhana_client import Client
from shodhana_client.profile import Profile

SHARED = Path(os.environ.get("SHODHANA_SHARED", PROJECT.parent / "shared"))
GOAL_PER_HOUR = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--repeat", type=int, default=10, help="times each talk is corrected in the warm run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shodhana-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        stack = [sys.executable, "-m", "shodhana.stack"]
        subprocess.run([*stack, "up", "--detach", "--dir", name], check=True, stdout=subprocess.DEVNULL)
        try:
            figures = measure(directory, arguments.repeat)
        finally:
            subprocess.run([*stack, "down", "--dir", name], check=False, stdout=subprocess.DEVNULL)
    print_table(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


def measure(directory: Path, repeat: int) -> dict[str, Any]:
    talks = lectures()
    with Client(Profile.read(directory / "client.json"), deadline_s=600) as client:
        before = caches(directory)
        cold_s = run(client, talks)
        between = caches(directory)
        warm_s = run(client, [(f"{i}-{name}", content) for i in range(repeat) for name, content in talks])
        after = caches(directory)
        began = time.perf_counter()
        name, content = talks[0]
        file = pb.TranscriptFile(filename=name, content=content)
        client.transcripts.CorrectTranscript(pb.CorrectTranscriptRequest(file=file))
        one_s = time.perf_counter() - began
    return {
        "files": len(talks),
        "cold_files_per_hour": round(3600 * len(talks) / cold_s),
        "warm_files_per_hour": round(3600 * len(talks) * repeat / warm_s),
        "one_talk_warm_s": round(one_s, 2),
        "term_hit_ratio_cold": ratio(before, between),
        "term_hit_ratio_warm": ratio(between, after),
    }


def lectures() -> list[tuple[str, bytes]]:
    """Names and contents of talks of about half an hour."""
    found = sorted((SHARED / "data" / "asr").glob("*.whisper.json"))
    if found:
        return [(path.name, path.read_bytes()) for path in found]
    text = "\n".join(
        line
        for line in (PROJECT / "samples" / "gita_chapter_two_talk.srt").read_text().splitlines()
        if line and "-->" not in line and not line.isdigit()
    )
    return [(f"sample-{i}.txt", f"{text}\n".encode() * 3) for i in range(6)]


def run(client: Client, talks: list[tuple[str, bytes]]) -> float:
    """Seconds from the making of a job to its end."""
    files = [pb.TranscriptFile(filename=name, content=content) for name, content in talks]
    began = time.perf_counter()
    job = client.transcripts.CreateJob(pb.CreateJobRequest(files=files, request_id=str(uuid.uuid4())))
    last = None
    for frame in client.transcripts.WatchJob(pb.WatchJobRequest(name=job.name)):
        last = frame
    assert last is not None
    assert last.done.succeeded_count == len(files), last
    return time.perf_counter() - began


def caches(directory: Path) -> Counter[str]:
    """Hits and misses of the term keys, summed over the replicas' own metrics."""
    totals: Counter[str] = Counter()
    for part in json.loads((directory / "state.json").read_text())["parts"]:
        if part["metrics_url"] and part["name"].startswith("similarity"):
            with urllib.request.urlopen(part["metrics_url"]) as page:
                for line in page.read().decode().splitlines():
                    if line.startswith(("cache_hits_total{", "cache_misses_total{")) and "search_terms" in line:
                        totals[line.split("_")[1]] += float(line.rsplit(" ", 1)[1])
    return totals


def ratio(before: Counter[str], after: Counter[str]) -> float:
    hits, misses = (after[kind] - before[kind] for kind in ("hits", "misses"))
    return round(hits / (hits + misses), 3) if hits + misses else 0.0


def print_table(figures: dict[str, Any]) -> None:
    print(f"{figures['files']} talks of about half an hour, two workers")
    print(f"  cold caches            {figures['cold_files_per_hour']:>7,} files an hour (goal {GOAL_PER_HOUR:,})")
    print(f"  warm caches            {figures['warm_files_per_hour']:>7,} files an hour")
    print(f"  one talk at once, warm {figures['one_talk_warm_s']:>7.2f} s")
    print(f"  term keys found cold   {figures['term_hit_ratio_cold']:>7.1%}")
    print(f"  term keys found warm   {figures['term_hit_ratio_warm']:>7.1%} (goal 95%)")


if __name__ == "__main__":
    main()
