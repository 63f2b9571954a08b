"""Whom an alert reaches, told by Alertmanager itself: its routes, what it holds back, what its receivers are sent."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from shodhana.stack.ports import free_port

from tests.conftest import Running, wait_until
from tests.observability.programs import ROOT, missing, program
from tests.observability.test_rules import alerts

CONFIGURATION = ROOT / "deploy" / "prometheus" / "alertmanager.yml"
TEMPLATES = Path("/usr/share/prometheus/alertmanager")
"""Without which Debian's program does not start."""
RECEIVERS = {"page": "pager", "ticket": "tickets", "none": "watchdog"}
HELD_BACK = [
    ("BudgetBurnsFast", "BudgetBurns", None),
    ("BudgetBurnsFast", "BudgetBurnsSlowly", None),
    ("BudgetBurns", "BudgetBurnsSlowly", None),
    *(("ServiceMissing", name, "job") for name in ("ReplicaDown", "ReplicaNotReady", "RpcErrors", "RpcSlow")),
    ("ReviewQueueOverdue", "ReviewQueueAges", "domain"),
    ("DiskFull", "DiskFillsUp", "mountpoint"),
]
"""Which alert silences which, where a label of both is the same."""
SEVERITY = {alert["alert"]: alert["labels"]["severity"] for alert in alerts()}


def configuration(folder: Path, address: str) -> Path:
    """The deployed one, which waits for nobody and sends to `address`.

    Debian's Alertmanager is older than `url_file`.
    """
    content = yaml.safe_load(CONFIGURATION.read_text())
    for receiver in content["receivers"]:
        for webhook in receiver["webhook_configs"]:
            webhook["url"] = f"{address}/{Path(webhook.pop('url_file')).name.removesuffix('_url')}"
    content["route"]["group_wait"] = "0s"
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(content))
    return path


@dataclass
class Told:
    """What the receivers were sent: (receiver, alert)."""

    messages: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    @property
    def names(self) -> set[tuple[str, str]]:
        return {(receiver, labels["alertname"]) for receiver, labels in list(self.messages)}


@pytest.fixture(scope="module")
def receivers() -> Iterator[tuple[str, Told]]:
    """A server for the webhooks, and what it was told."""
    told = Told()

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["content-length"])))
            told.messages.extend((self.path[1:], alert["labels"]) for alert in content["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", told
        server.shutdown()


@pytest.fixture(scope="module")
def alertmanager(receivers: tuple[str, Told], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not TEMPLATES.is_dir():
        missing(f"no {TEMPLATES}: tools/setup_prometheus.sh puts it there where it may write")
    folder = tmp_path_factory.mktemp("alertmanager")
    address = f"127.0.0.1:{free_port()}"
    command = [program("prometheus-alertmanager"), f"--config.file={configuration(folder, receivers[0])}"]
    command += [f"--storage.path={folder}", f"--web.listen-address={address}", "--cluster.listen-address="]
    with Running(command, cwd=folder):
        wait_until(lambda: is_ready(f"http://{address}/-/ready"))
        yield f"http://{address}/api/v2/alerts"


def is_ready(address: str) -> bool:
    try:
        return httpx.get(address).is_success
    except httpx.HTTPError:
        return False


def amtool(*arguments: str | Path) -> str:
    command = [program("amtool"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_configuration_is_sound(tmp_path: Path) -> None:
    assert "3 receivers" in amtool("check-config", configuration(tmp_path, "https://pager.example"))


@pytest.mark.parametrize(("name", "severity"), sorted(SEVERITY.items()))
def test_every_alert_goes_to_whom_its_severity_names(name: str, severity: str, tmp_path: Path) -> None:
    path = configuration(tmp_path, "https://pager.example")
    labels = [f"alertname={name}", f"severity={severity}"]
    expected = f"--verify.receivers={RECEIVERS[severity]}"
    amtool("config", "routes", "test", f"--config.file={path}", expected, *labels)


@contextmanager
def firing(alertmanager: str, *labels: Mapping[str, str]) -> Iterator[None]:
    alerts = [{"labels": {"severity": SEVERITY[one["alertname"]], **one}} for one in labels]
    httpx.post(alertmanager, json=alerts, timeout=60).raise_for_status()
    try:
        yield
    finally:
        ended = [{**alert, "endsAt": datetime.now(UTC).isoformat()} for alert in alerts]
        httpx.post(alertmanager, json=ended, timeout=60).raise_for_status()


def test_receivers_are_sent_what_is_theirs(alertmanager: str, receivers: tuple[str, Told]) -> None:
    targets = {target for _, target, _ in HELD_BACK}
    one_each = {severity: name for name, severity in SEVERITY.items() if name not in targets}
    expected = {(RECEIVERS[severity], name) for severity, name in one_each.items()}
    with firing(alertmanager, *({"alertname": name} for name in one_each.values())):
        wait_until(lambda: expected <= receivers[1].names)
    assert receivers[1].names == expected


@pytest.mark.parametrize(("source", "target", "equal"), HELD_BACK)
def test_what_another_alert_says_already_is_held_back(
    alertmanager: str, source: str, target: str, equal: str | None
) -> None:
    here, elsewhere = {"instance": "one", equal or "job": "here"}, {"instance": "one", equal or "job": "elsewhere"}
    with firing(alertmanager, {"alertname": source, **here}):
        wait_until(lambda: state(alertmanager, source, here) == "active")
        with firing(alertmanager, {"alertname": target, **here}, {"alertname": target, **elsewhere}):
            wait_until(lambda: state(alertmanager, target, here) == "suppressed")
            wait_until(lambda: state(alertmanager, target, elsewhere) == ("active" if equal else "suppressed"))


def state(alertmanager: str, name: str, labels: Mapping[str, str]) -> str:
    """What became of an alert; `unprocessed` until its route has looked at it, and empty where there is none."""
    wanted = [("filter", f'{label}="{value}"') for label, value in {"alertname": name, **labels}.items()]
    found = httpx.get(alertmanager, params=wanted, timeout=60).json()
    return found[0]["status"]["state"] if found else ""
