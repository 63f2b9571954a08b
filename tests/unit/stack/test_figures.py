"""What `shodhana status` makes of the parts' metrics pages."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from shodhana.stack.ages import ago
from shodhana.stack.backup.manifest import Kind, Manifest, to_json
from shodhana.stack.figures import figures_of
from shodhana.stack.overview import last_backups
from shodhana.stack.parts import PartState
from shodhana.stack.places import StackDirectory
from shodhana.stack.vitals import vitals_of

RPC = 'rpc_server_call_duration_seconds_%s{rpc_service="s",rpc_method="%s",rpc_response_status_code="%s"%s} %s\n'
GAUGES = """\
expert_review_queue_length{domain="general"} 3
expert_review_queue_length{domain="scriptural"} 2
review_oldest_case_seconds{domain="general"} 7200
job_files{state="queued"} 4
job_oldest_wait_seconds 90
files_processed_total{outcome="succeeded"} 8
files_processed_total{outcome="failed"} 1
academic_excellence_score_sum 7.2
academic_excellence_score_count 8
"""


def page(calls: int, failed: int) -> str:
    """So many calls within 50 ms, of which some failed, and a stream that lasted long."""
    lines = RPC % ("count", "Get", "OK", "", calls - failed) + RPC % ("count", "Get", "INTERNAL", "", failed)
    for le, count in (("0.05", calls), ("30", calls), ("+Inf", calls)):
        lines += RPC % ("bucket", "Get", "OK", f',le="{le}"', count)
    for le, count in (("0.05", 0), ("30", 0), ("+Inf", 1)):
        lines += RPC % ("bucket", "WatchCases", "OK", f',le="{le}"', count)
    return lines + GAUGES


@contextmanager
def served(pages: list[str]) -> Iterator[str]:
    """An address that answers with the first page, then with the next."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(pages.pop(0).encode())

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_first_look_counts_since_the_start_and_the_next_since_the_first(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    with served([page(100, 10), page(130, 11)]) as url:
        parts = [
            PartState("review", pid=7, metrics_url=url),
            PartState("gone", pid=8, metrics_url="http://127.0.0.1:9/"),
        ]
        first = figures_of(parts, time.time() - 1000, kept)
        content = json.loads(kept.read_text())
        kept.write_text(json.dumps(content | {"at": content["at"] - 60}))
        second = figures_of(parts, time.time() - 1000, kept)
    assert set(first.traffic) == {"review"}
    assert first.traffic["review"].calls_per_s == pytest.approx(0.1, abs=0.01)
    assert first.traffic["review"].failed == 10
    assert second.traffic["review"].calls_per_s == pytest.approx(0.5, abs=0.05)
    assert (second.traffic["review"].failed, round(second.over_s, -1)) == (1, 60)


def test_a_percentile_is_told_of_enough_calls_and_of_more_where_the_first_are_among_them(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    told = []
    with served([page(999, 0), page(1098, 0), page(1199, 0)]) as url:
        for _ in range(3):
            found = figures_of([PartState("review", pid=7, metrics_url=url)], time.time() - 1000, kept)
            told.append(found.traffic["review"].p99_s)
            content = json.loads(kept.read_text())
            kept.write_text(json.dumps(content | {"at": time.time() - 60}))
    assert told == [None, None, 0.05]


def test_a_process_that_was_started_again_is_counted_from_its_start(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    counted = {"pid": 6, "calls": 900, "failed": 50, "buckets": {}}
    kept.write_text(json.dumps({"at": time.time() - 100, "parts": {"review": counted}}))
    with served([page(20, 2)]) as url:
        found = figures_of([PartState("review", pid=7, metrics_url=url)], time.time() - 1000, kept)
    assert (found.traffic["review"].failed, found.traffic["review"].calls_per_s) == (2, pytest.approx(0.2, abs=0.02))


def test_work_is_summed_over_domains_and_taken_once_of_replicas(tmp_path: Path) -> None:
    with served([page(1, 0), page(1, 0)]) as url:
        parts = [PartState(name, pid=7, metrics_url=url) for name in ("review-1", "review-2")]
        work = figures_of(parts, time.time(), tmp_path / "kept.json").work
    assert (work.review_cases, work.review_oldest_s) == (5, 7200)
    assert (work.files_queued, work.files_oldest_s) == (4, 90)
    assert (work.files_succeeded, work.files_failed, work.mean_academic_score) == (16, 2, 0.9)


def test_memory_and_processor_are_told_of_what_runs() -> None:
    found = vitals_of([PartState("me", pid=os.getpid()), PartState("gone", pid=2**22 - 1), PartState("step")])
    assert set(found) == {"me"}
    assert found["me"].memory_bytes > 10_000_000


def test_the_newest_whole_backup_of_each_kind_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHODHANA_BACKUP_TARGET", raising=False)
    assert last_backups(StackDirectory(tmp_path)) == ()
    known: tuple[tuple[str, Kind, str], ...] = (
        ("a-logical", "logical", "2026-01-01T10:00:00+00:00"),
        ("b-logical", "logical", "2026-01-03T10:00:00+00:00"),
        ("b-physical", "physical", "2026-01-02T10:00:00+00:00"),
    )
    for name, kind, finished_at in known:
        manifest = Manifest(name, kind, finished_at, finished_at, (), (), "18")
        folder = tmp_path / "backups" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_bytes(to_json(manifest))
    (tmp_path / "backups" / "c-logical").mkdir()
    (tmp_path / "backups" / "c-logical" / "manifest.json").write_text("{")
    assert [backup.id for backup in last_backups(StackDirectory(tmp_path))] == ["b-logical", "b-physical"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (600, "10 min"), (9000, "2 h"), (4e5, "5 d")]
)
def test_ages_are_short(seconds: float, text: str) -> None:
    assert ago(seconds) == text
