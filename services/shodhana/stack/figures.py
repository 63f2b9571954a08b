"""What the parts count, read from their metrics pages."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from .parts import PartState

ANSWER_S = 1.0
LONGEST_S = 15 * 60.0
"""What was counted longer ago says nothing of now."""
SHORTEST_S = 5.0
LEAST_CALLS = 100
LEAST_SINCE_START = 1000
"""Since the start the first calls are among them, which find nothing warm."""
RPC = "rpc_server_call_duration_seconds"
STREAMS = ("Watch", "EmbedStream")
FAULTS = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
GATEWAY = "envoy_gateway_calls_total"  # the parser adds the ending that Envoy leaves out
GATEWAY_FAULTS = {"DeadlineExceeded", "Unimplemented", "Internal", "Unavailable", "DataLoss"}
GATEWAY_TIME = "envoy_http_downstream_rq_time_bucket"
Labels = Mapping[str, str]
Samples = Iterator[tuple[str, Labels, float]]


@dataclass(slots=True)
class Counted:
    """What a process has counted since it started; `buckets` are calls by the most seconds they took."""

    pid: int | None = None
    calls: float = 0
    failed: float = 0
    buckets: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Calls in a while; p99 is None where there were too few to tell: of ten calls it is the slowest."""

    calls_per_s: float
    failed: float
    p99_s: float | None


@dataclass(slots=True)
class Work:
    """What waits, and what was done since the processes started."""

    review_cases: float = 0
    review_oldest_s: float = 0
    review_overdue: float = 0
    files_queued: float = 0
    files_running: float = 0
    files_oldest_s: float = 0
    files_succeeded: float = 0
    files_failed: float = 0
    mean_academic_score: float | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """The traffic of each part over the last `over_s` seconds, and the work of all."""

    over_s: float
    traffic: dict[str, Traffic]
    work: Work


def figures_of(parts: Iterable[PartState], started_at: float | None, kept: Path) -> Figures:
    """Reads every page at once; compares with what was `kept` at the look before, if it was lately."""
    known = {part.name: part for part in parts if part.metrics_url and part.pid}
    pages = _read(known)
    now = {name: _counted(known[name], page) for name, page in pages.items()}
    at, before = _recall(kept)
    age_s = time.time() - at
    if not SHORTEST_S <= age_s <= LONGEST_S:
        before, age_s = {}, max(1.0, time.time() - (started_at or time.time()))
    traffic = {name: _traffic(counted, before.get(name), age_s) for name, counted in now.items()}
    if not before or age_s >= 60:
        _keep(kept, now)
    return Figures(age_s, traffic, _work(pages))


def _read(parts: Mapping[str, PartState]) -> dict[str, str]:
    with ThreadPoolExecutor(8) as pool:
        pages = zip(parts, pool.map(_page, parts.values()), strict=True)
        return {name: page for name, page in pages if page}


def _page(part: PartState) -> str:
    try:
        with urllib.request.urlopen(str(part.metrics_url), timeout=ANSWER_S) as answer:  # noqa: S310 - the stack's own
            return str(answer.read().decode())
    except OSError:
        return ""


def _counted(part: PartState, page: str) -> Counted:
    counted, buckets = Counted(part.pid), defaultdict[str, float](float)
    for name, labels, value in _samples(page):
        if name == f"{RPC}_count":
            counted.calls += value
            counted.failed += value if labels["rpc_response_status_code"] in FAULTS else 0
        elif name == GATEWAY and labels["service"]:
            counted.calls += value
            counted.failed += value if _is_gateway_fault(labels) else 0
        elif name == f"{RPC}_bucket" and not labels["rpc_method"].startswith(STREAMS):
            buckets[labels["le"]] += value
        elif name == GATEWAY_TIME and labels["envoy_http_conn_manager_prefix"] == "public":
            buckets[str(float(labels["le"]) / 1000)] += value  # Envoy counts milliseconds
    counted.buckets = dict(buckets)
    return counted


def _is_gateway_fault(labels: Labels) -> bool:
    return labels["http_status"].startswith("5") or (
        labels["http_status"] == "200" and labels["grpc_status"] in GATEWAY_FAULTS
    )


def _traffic(now: Counted, before: Counted | None, over_s: float) -> Traffic:
    """The difference; of a process that was started since, all it has."""
    old = before if before is not None and before.pid == now.pid else Counted()
    least = LEAST_CALLS if old.pid else LEAST_SINCE_START
    buckets = {le: count - old.buckets.get(le, 0) for le, count in now.buckets.items()}
    p99_s = _quantile(0.99, buckets, least)
    return Traffic(round((now.calls - old.calls) / over_s, 3), now.failed - old.failed, p99_s)


def _quantile(share: float, buckets: Mapping[str, float], least: int) -> float | None:
    """The bound of the bucket it falls in; the last one that is finite where it falls beyond. None of too few calls."""
    ordered = sorted((float(le), count) for le, count in buckets.items())
    if not ordered or ordered[-1][1] < least:
        return None
    wanted = share * ordered[-1][1]
    bound = next(le for le, count in ordered if count >= wanted)
    return bound if bound != float("inf") else max((le for le, _ in ordered[:-1]), default=None)


def _work(pages: Mapping[str, str]) -> Work:
    """Gauges that replicas share are taken once, counters summed."""
    work, cases, overdue = Work(), dict[str, float](), dict[str, float]()
    score, scored = 0.0, 0.0
    for page in pages.values():
        for name, labels, value in _samples(page):
            match name:
                case "expert_review_queue_length":
                    cases[labels["domain"]] = value
                case "review_cases_overdue":
                    overdue[labels["domain"]] = value
                case "review_oldest_case_seconds":
                    work.review_oldest_s = max(work.review_oldest_s, value)
                case "job_files" if labels["state"] == "queued":
                    work.files_queued = max(work.files_queued, value)
                case "job_files":
                    work.files_running = max(work.files_running, value)
                case "job_oldest_wait_seconds":
                    work.files_oldest_s = max(work.files_oldest_s, value)
                case "files_processed_total" if labels["outcome"] == "failed":
                    work.files_failed += value
                case "files_processed_total":
                    work.files_succeeded += value
                case "academic_excellence_score_sum":
                    score += value
                case "academic_excellence_score_count":
                    scored += value
    work.review_cases, work.review_overdue = sum(cases.values()), sum(overdue.values())
    work.mean_academic_score = round(score / scored, 4) if scored else None
    return work


def _samples(page: str) -> Samples:
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def _recall(kept: Path) -> tuple[float, dict[str, Counted]]:
    try:
        content: dict[str, Any] = json.loads(kept.read_text())
        return content["at"], {name: Counted(**counted) for name, counted in content["parts"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0, {}


def _keep(kept: Path, counted: Mapping[str, Counted]) -> None:
    """For the next look; where the directory is another's there is none."""
    content = {"at": time.time(), "parts": {name: asdict(one) for name, one in counted.items()}}
    try:
        kept.write_text(json.dumps(content))
    except OSError:
        return
