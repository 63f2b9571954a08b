"""A real Prometheus scrapes the mesh while it works: every panel and every rule has to find what it asks for."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from shodhana.api.review.v1 import review_pb2
from shodhana.api.similarity.v1 import similarity_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana.stack.backup.keys import make_key
from shodhana.stack.ports import free_port
from shodhana_client import connect

from tests.observability.programs import ROOT, program
from tools import prometheus as local

BOARDS = yaml.safe_load((ROOT / "deploy" / "grafana" / "dashboards.yaml").read_text())
RULES = [
    rule
    for path in sorted(local.RULES.glob("*.yml"))
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
FOUND_S = 90.0
PAUSE_S = 1.0
pytestmark = pytest.mark.timeout(600)  # where it is the first, it waits for the mesh
MAX_SERIES = 3000
ELSEWHERE = ("replica_lag_seconds", "barman_cloud_", "cnpg_")  # a standby, an operator: no mesh of one machine has them
TEXT = "The praabda of one man is not the samadi of another, said Vishnumaya.\n"
WORDS = re.compile(r"\b(and|or|unless|bool|by|on|ignoring|group_left|without)\b")
SELECTOR = re.compile(r"(?<![\w.:])([a-zA-Z_:][\w:]*)(?![\w:]|\s*\()\s*(\{[^}]*\})?")
STATUS = re.compile(r"(\w*status\w*)=~?\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server."""

    url: str

    def ask(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10).json()
        assert answer["status"] == "success", f"{parameters}: {answer}"
        return answer["data"]

    def has_data(self, expression: str) -> bool:
        """Whether it gives at least one number."""
        result = self.ask("query", query=expression)["result"]
        return any(not math.isnan(float(sample["value"][1])) for sample in result)

    def has_series(self, selector: str) -> bool:
        return bool(self.ask("series", **{"match[]": selector}))


@pytest.fixture(scope="module")
def prometheus(mesh: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Scrapes the mesh, as it works, and this machine."""
    port, node_port = free_port(), free_port()
    arguments = [
        "--collector.disable-defaults",
        "--collector.filesystem",
        "--collector.textfile",
        f"--collector.textfile.directory={backed_up(mesh, tmp_path_factory.mktemp('backup'))}",
        f"--web.listen-address=127.0.0.1:{node_port}",
    ]
    node = {"targets": [f"127.0.0.1:{node_port}"], "labels": {"job": "node"}}
    commands = [
        [program("prometheus-node-exporter"), *arguments],
        [program("prometheus"), *local.command(mesh.directory, port, "2s", node)[1:]],
    ]
    log = (mesh.directory / "prometheus.log").open("w")
    processes = [subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) for command in commands]
    try:
        server = Prometheus(f"http://127.0.0.1:{port}")
        until(lambda: is_ready(server.url), "Prometheus is ready")
        with at_work(mesh):
            yield server
    finally:
        for process in processes:
            process.terminate()
            process.wait(20)
        log.close()


def backed_up(mesh: Any, folder: Path) -> Path:
    """A folder with what a backup of the mesh tells the monitoring."""
    settings = {"SHODHANA_BACKUP_RECIPIENTS": make_key(folder / "key"), "SHODHANA_BACKUP_TARGET": str(folder / "place")}
    command = [sys.executable, "-m", "shodhana.stack", "backup", "--kind", "redis", "--dir", str(mesh.directory)]
    metrics = ["--metrics", str(folder / "backup.prom")]
    subprocess.run([*command, *metrics], env={**mesh.environment, **settings}, check=True, timeout=120)
    return folder


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def until(condition: Callable[[], bool], what: str) -> None:
    ends_at = time.monotonic() + FOUND_S
    while not condition():
        assert time.monotonic() < ends_at, f"{what}: not within {FOUND_S:.0f} s"
        time.sleep(0.5)


def find_all(wanted: Iterable[str], is_there: Callable[[str], bool]) -> None:
    """Fails with those that did not come."""
    missing = set(wanted)
    ends_at = time.monotonic() + FOUND_S
    while missing := {one for one in missing if not is_there(one)}:
        assert time.monotonic() < ends_at, "not there:\n" + "\n".join(sorted(missing))
        time.sleep(0.5)


@contextmanager
def at_work(mesh: Any) -> Iterator[None]:
    """The mesh is worked on all the while: a rate needs a rise after whatever was scraped first."""
    ended = threading.Event()

    def work_on() -> None:
        while not ended.wait(PAUSE_S):
            work(mesh)

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work_on)
        try:
            yield
        finally:
            ended.set()
        working.result()


def work(mesh: Any) -> None:
    """A little of everything; what is short several times, so that each replica has some."""
    with connect(mesh.profile) as client:
        file = pb.TranscriptFile(filename=f"{uuid.uuid4()}.txt", content=TEXT.encode())
        client.transcripts.CorrectTranscript(pb.CorrectTranscriptRequest(file=file))
        job = client.transcripts.CreateJob(pb.CreateJobRequest(files=[file], request_id=str(uuid.uuid4())))
        list(client.transcripts.WatchJob(pb.WatchJobRequest(name=job.name), timeout=60))
        for number in range(6):
            word = f"samadi{uuid.uuid4().hex[:6]}" if number % 2 else "samadi"
            client.similarity.Search(similarity_pb2.SearchRequest(query=word, context="in deep meditation"))
            client.review.ListCases(review_pb2.ListCasesRequest())


def panels() -> Iterator[tuple[str, str, str | None]]:
    """Name, expression and why it may be empty, with Grafana's variables filled in."""
    for board in BOARDS:
        for panel in (panel for row in board["rows"] for panel in row["panels"]):
            for legend, expression in panel["queries"].items():
                filled = expression.replace("$service", ".+").replace("$__rate_interval", "5m")
                yield f"{board['title']} · {panel['title']} · {legend}", filled, panel.get("empty")


def selectors(expression: str) -> list[str]:
    """The series an expression reads; of statuses only that they are told, for nothing may have failed yet."""
    bare = re.sub(r"\b(by|on|ignoring|group_left)\s*\([^)]*\)|\[[^\]]*\]|,\s*\"[^\"]*\"", " ", expression)
    found = SELECTOR.findall(WORDS.sub(" ", bare))
    return [one for name, labels in found for one in alternatives(name + STATUS.sub(r'\1!=""', labels))]


def alternatives(selector: str) -> list[str]:
    """One for each of `a|b`: where one exists the other may be a slip of the pen."""
    several = re.search(r'=~"([^"]*\|[^"]*)"', selector)
    if several is None:
        return [selector]
    return [selector.replace(several[0], f'=~"{one}"') for one in several[1].split("|")]


def test_every_panel_finds_what_it_shows(prometheus: Prometheus) -> None:
    find_all((expression for _, expression, empty in panels() if empty is None), prometheus.has_data)


def test_panels_that_may_be_empty_are_sound(prometheus: Prometheus) -> None:
    for _, expression, _ in panels():
        prometheus.ask("query", query=expression)


def test_every_recorded_rule_has_values(prometheus: Prometheus) -> None:
    find_all((rule["record"] for rule in RULES if "record" in rule), prometheus.has_data)


def test_every_alert_looks_at_something_that_exists(prometheus: Prometheus) -> None:
    looked_at = {selector for rule in RULES if "alert" in rule for selector in selectors(rule["expr"])}
    here = {selector for selector in looked_at if not selector.startswith(ELSEWHERE)}
    find_all(here, prometheus.has_series)


def test_no_rule_fails(prometheus: Prometheus) -> None:
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"]: rule["lastError"] for rule in rules if rule["health"] == "err"} == {}


def test_exemplars_lead_to_traces_that_were_sent(prometheus: Prometheus, mesh: Any) -> None:
    def linked() -> set[str]:
        query = {"query": "rpc_server_call_duration_seconds_bucket", "start": str(time.time() - 600)}
        found = prometheus.ask("query_exemplars", **query, end=str(time.time()))
        return {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]}

    until(lambda: any(mesh.collector.of(trace_id) for trace_id in linked()), "an exemplar of a trace")


def test_no_process_tells_more_than_can_be_kept(prometheus: Prometheus) -> None:
    scraped = prometheus.ask("query", query="scrape_samples_scraped")["result"]
    assert {
        sample["metric"]["job"]: sample["value"][1] for sample in scraped if int(sample["value"][1]) > MAX_SERIES
    } == {}
