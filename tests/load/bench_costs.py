"""What the mesh costs: processor time of each service a talk, memory of each process, bytes a term; and its fleet.

    .venv/bin/python tests/load/bench_costs.py [--json FILE] [--hours-a-day 12000]

Starts a mesh of its own and corrects the development talks (or the sample lecture), first unknown, then known. From
the processor time of unknown talks the fleet for a day's lectures is reckoned, and `fleet.py` lets files arrive and
wait: the least number of workers is told with which 95 of 100 files wait less than five minutes at the busiest hour.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from bench_throughput import lectures
from fleet import Day, workers_needed
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import Client
from shodhana_client.profile import Profile

HALF_HOUR = 0.5
SHARE_USED = 0.6
"""Of a processor, at the busiest hour: the rest is for a zone that fails and for what nobody foresaw."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--hours-a-day", type=int, default=12_000, help="of lectures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shodhana-bench-") as name:
        Path(name).chmod(0o755)
        stack = [sys.executable, "-m", "shodhana.stack"]
        subprocess.run([*stack, "up", "--detach", "--dir", name], check=True, stdout=subprocess.DEVNULL)
        try:
            figures = measure(Path(name))
        finally:
            subprocess.run([*stack, "down", "--dir", name], check=False, stdout=subprocess.DEVNULL)
    figures["fleet"] = fleet(figures, arguments.hours_a_day)
    show(figures, arguments.hours_a_day)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


def measure(directory: Path) -> dict[str, Any]:
    talks = lectures()
    with Client(Profile.read(directory / "client.json"), deadline_s=600) as client:
        unknown = spent(directory, client, talks)
        known = spent(directory, client, talks)
    memory = {name: process_sum(pid, "memory") / 1e6 for name, pid in parts(directory).items()}
    return {"talks": len(talks), "unknown": unknown, "known": known, "memory_mb": memory, **stored(directory)}


def spent(directory: Path, client: Client, talks: Sequence[tuple[str, bytes]]) -> dict[str, float]:
    """Seconds of processor time a talk, by process."""
    before = {name: process_sum(pid, "time") for name, pid in parts(directory).items()}
    for name, content in talks:
        file = pb.TranscriptFile(filename=name, content=content)
        client.transcripts.CorrectTranscript(pb.CorrectTranscriptRequest(file=file))
    after = {name: process_sum(pid, "time") for name, pid in parts(directory).items()}
    return {name: (after[name] - before.get(name, 0.0)) / len(talks) for name in after}


def parts(directory: Path) -> dict[str, int]:
    state = json.loads((directory / "state.json").read_text())
    return {part["name"]: part["pid"] for part in state["parts"] if part["pid"]}


def process_sum(pid: int, what: str) -> float:
    """Of a process and its children: seconds of processor time, or bytes of its own memory."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    if what == "time":
        return sum(sum(one.cpu_times()[:2]) for one in family)
    return float(sum(one.memory_full_info().uss for one in family))


def stored(directory: Path) -> dict[str, float]:
    """Bytes that a term takes in Postgres, indexes included."""
    secrets = json.loads((directory / "secrets.json").read_text())
    port = next(part["port"] for part in json.loads((directory / "state.json").read_text())["parts"]
                if part["name"] == "postgres")  # fmt: skip

    async def ask() -> dict[str, float]:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user="shodhana", password=secrets["postgres"], database="shodhana"
        )
        try:
            count = await connection.fetchval("SELECT count(*) FROM similarity.lexicon_entry")
            size = await connection.fetchval(
                "SELECT sum(pg_total_relation_size(format('%I.%I', schemaname, tablename)::regclass)) "
                "FROM pg_tables WHERE schemaname = 'similarity' AND tablename LIKE ANY ($1::text[])",
                ["lexicon%", "%embeddings%"],
            )
        finally:
            await connection.close()
        return {"terms": count, "bytes_a_term": float(size) / max(1, count)}

    return asyncio.run(ask())


def fleet(figures: dict[str, Any], hours_a_day: int) -> dict[str, Any]:
    """Processors by service at the busiest hour, and workers by simulation."""
    day = Day(files=hours_a_day / HALF_HOUR)
    busiest_per_s = day.busiest_per_s
    names = ("identity", "embedding", "similarity", "quality", "review", "transcripts", "gateway", "postgres")
    processors = {
        name: sum(seconds for part, seconds in figures["unknown"].items() if part.startswith(name))
        * busiest_per_s / SHARE_USED
        for name in names
    }  # fmt: skip
    total_s = sum(figures["unknown"].values())
    return {
        "files_a_day": day.files,
        "busiest_per_s": busiest_per_s,
        "processors": processors,
        "workers": workers_needed(day, service_s=total_s),
    }


def show(figures: dict[str, Any], hours_a_day: int) -> None:
    print(
        f"{'process':<20}{'CPU s a talk':>14}{'known':>8}{'memory MB':>11}   ({figures['talks']} talks of half an hour)"
    )
    for name, memory in figures["memory_mb"].items():
        unknown, known = figures["unknown"].get(name, 0.0), figures["known"].get(name, 0.0)
        print(f"{name:<20}{unknown:>14.2f}{known:>8.2f}{memory:>11.0f}")
    print(f"{'all':<20}{sum(figures['unknown'].values()):>14.2f}{sum(figures['known'].values()):>8.2f}")
    print(f"a term takes {figures['bytes_a_term']:,.0f} bytes in Postgres ({figures['terms']:,} terms)")
    found = figures["fleet"]
    print(f"\n{hours_a_day:,} hours of lectures a day: {found['files_a_day']:,.0f} files, ", end="")
    print(f"{found['busiest_per_s']:.2f} a second at the busiest hour")
    for name, count in found["processors"].items():
        print(f"  {name:<18}{count:>6.1f} processors, {SHARE_USED:.0%} used")
    workers = found["workers"]
    print(f"  {'workers':<18}{workers.count:>6} processes; 95 of 100 files wait less than {workers.wait_p95_s:.0f} s")


if __name__ == "__main__":
    main()
