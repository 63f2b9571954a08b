"""The stack as its users meet it: up, status, kill, down, side by side, as root and as a user."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
WAIT_S = 60
NOBODY = 65534
AS_A_USER = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),  # the interpreter may stand in a closed folder
)
CORE_ALONE = {"ENABLE_EPIC_3": "false"}
UP = ("--detach", "--replicas", "worker=1")


def until(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < ends_at, "condition not met in time"
        time.sleep(0.1)


def parts(directory: Path) -> dict[str, dict[str, Any]]:
    return {part["name"]: part for part in json.loads((directory / "state.json").read_text())["parts"]}


def pids(directory: Path) -> list[int]:
    return [part["pid"] for part in parts(directory).values() if part["pid"]]


def rest_status(directory: Path, path: str) -> int:
    """The HTTP status of a path of the gateway, whose certificate is checked."""
    client = json.loads((directory / "client.json").read_text())
    trusted = ssl.create_default_context(cafile=client["ca_certificate"])
    with httpx.Client(verify=trusted, timeout=10) as http:
        return http.get(client["rest_url"] + path).status_code


def is_ready(directory: Path) -> bool:
    """Whether the gateway answers and says so; one that is only coming up refuses the connection."""
    try:
        return rest_status(directory, "/ready") == 200
    except httpx.TransportError:
        return False


def test_everything_is_healthy_and_the_gateway_is_ready(mesh: Any) -> None:
    status = mesh.status()
    assert status["phase"] == "ready"
    assert {part["condition"] for part in status["parts"]} == {"healthy", "done"}
    until(lambda: is_ready(mesh.directory))


@pytest.mark.parametrize("name", ["quality", "redis-cache", "worker", "gateway", "postgres"])
def test_what_is_killed_comes_back_on_its_port(mesh: Any, name: str) -> None:
    before = mesh.part(name)
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: mesh.part(name)["restarts"] > before["restarts"])
    until(lambda: mesh.status()["phase"] == "ready" and not unhealthy(mesh.directory))
    after = mesh.part(name)
    assert after["port"] == before["port"]
    assert after["pid"] != before["pid"]
    until(lambda: is_ready(mesh.directory))


def unhealthy(directory: Path) -> list[str]:
    return [name for name, part in parts(directory).items() if part["condition"] not in ("healthy", "done")]


def test_every_process_shows_its_metrics(mesh: Any) -> None:
    urls = {name: part["metrics_url"] for name, part in parts(mesh.directory).items() if part["metrics_url"]}
    assert {"identity", "similarity", "quality", "review", "transcripts", "embedding", "worker", "gateway"} <= set(urls)
    for name, url in urls.items():
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert b"# TYPE" in answer.read(), name


def test_a_second_stack_in_the_directory_is_refused_in_words(mesh: Any, run_command: Run) -> None:
    refused = run_command("up", mesh.directory)
    assert refused.returncode == 1
    assert f"a stack is running in {mesh.directory}" in refused.stderr
    assert "shodhana down" in refused.stderr


def test_up_in_the_background_where_a_stack_is_up_tells_its_addresses(mesh: Any, run_command: Run) -> None:
    again = run_command("up", mesh.directory, "--detach")
    assert again.returncode == 0
    assert "already running" in again.stdout
    assert mesh.profile["gateway"] in again.stdout


def test_a_running_mesh_refuses_what_it_would_not_do(mesh: Any, run_command: Run) -> None:
    port = str(mesh.part("gateway")["port"])
    assert run_command("up", mesh.directory, *UP, "--port", port).returncode == 0
    key = {"SHODHANA_BACKUP_RECIPIENTS": "age1example"}
    refused = run_command("up", mesh.directory, "--detach", "--replicas", "worker=8", environment=key)
    assert refused.returncode == 1
    assert "with worker=1 (not 8), no archive of Postgres' log" in refused.stderr
    assert f"`shodhana down --dir {mesh.directory}` first" in refused.stderr


def test_logs_are_shown_by_the_name_of_a_process(mesh: Any, run_command: Run) -> None:
    assert '"service": "identity"' in run_command("logs", mesh.directory, "identity").stdout
    unknown = run_command("logs", mesh.directory, "nobody")
    assert unknown.returncode == 2
    assert "there are: development-login, embedding, gateway, identity" in unknown.stderr


def test_who_is_on_call_gets_into_the_stores(mesh: Any, directory: Path, run_command: Run) -> None:
    wrong = run_command("psql", mesh.directory, "-c", "SELECT 1 FROM nowhere")
    assert (wrong.returncode, "nowhere" in wrong.stderr) == (1, True)
    assert run_command("psql", mesh.directory, "-Atc", "SELECT current_user").stdout == "shodhana\n"
    made = ("-c", "CREATE TEMP TABLE made (n int)")
    assert "read-only transaction" in run_command("psql", mesh.directory, *made).stderr
    assert run_command("psql", mesh.directory, "--write", *made).stdout == "CREATE TABLE\n"
    policies = {
        purpose: run_command("redis", mesh.directory, purpose, "CONFIG", "GET", "maxmemory-policy").stdout.split()
        for purpose in ("cache", "broker")
    }
    assert policies == {"cache": ["maxmemory-policy", "allkeys-lru"], "broker": ["maxmemory-policy", "noeviction"]}
    for words in (("psql", directory), ("redis", directory, "cache", "PING")):
        nothing = run_command(*words)
        assert nothing.returncode == 1
        assert f"runs in {directory}" in nothing.stderr


def test_a_stack_beside_another_is_the_core_engine_alone_and_leaves_nothing(
    mesh: Any, directory: Path, run_command: Run
) -> None:
    started = run_command("up", directory, *UP, environment=CORE_ALONE)
    assert started.returncode == 0, started.stdout + started.stderr
    assert not {"embedding", "review"} & set(parts(directory))
    until(lambda: is_ready(directory))
    until(lambda: is_ready(mesh.directory))
    running = pids(directory)
    assert run_command("down", directory).returncode == 0
    assert [pid for pid in running if psutil.pid_exists(pid)] == []
    assert run_command("status", directory).returncode == 3
    assert mesh.status()["phase"] == "ready"


def test_a_killed_supervisor_takes_everything_along_and_the_next_start_keeps_the_data(
    directory: Path, run_command: Run
) -> None:
    assert run_command("up", directory, *UP, environment=CORE_ALONE).returncode == 0
    secrets, running = (directory / "secrets.json").read_bytes(), pids(directory)
    os.kill(json.loads((directory / "state.json").read_text())["supervisor_pid"], signal.SIGKILL)
    status = json.loads(run_command("status", directory, "--json").stdout)
    assert status["phase"] == "down"
    assert {part["condition"] for part in status["parts"]} <= {"unwatched", "stopped", "done"}
    again = run_command("up", directory, *UP, environment=CORE_ALONE)
    assert again.returncode == 0, again.stdout + again.stderr
    assert [pid for pid in running if psutil.pid_exists(pid)] == []
    assert (directory / "secrets.json").read_bytes() == secrets


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything(directory: Path, run_command: Run, number: signal.Signals) -> None:
    assert run_command("up", directory, *UP, environment=CORE_ALONE).returncode == 0
    running, supervisor = pids(directory), json.loads((directory / "state.json").read_text())["supervisor_pid"]
    os.kill(supervisor, number)
    until(lambda: not psutil.pid_exists(supervisor) or psutil.Process(supervisor).status() == psutil.STATUS_ZOMBIE)
    assert [pid for pid in running if psutil.pid_exists(pid)] == []


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")
def test_a_user_runs_the_whole_stack(directory: Path, run_command: Run) -> None:
    shutil.chown(directory, NOBODY, NOBODY)
    environment = CORE_ALONE | {"HOME": str(directory)}
    started = run_command("up", directory, *UP, environment=environment, prefix=AS_A_USER)
    assert started.returncode == 0, started.stdout + started.stderr
    assert {psutil.Process(pid).uids().real for pid in pids(directory)} == {NOBODY}
    until(lambda: is_ready(directory))


def test_a_taken_gateway_port_fails_the_start_with_the_reason(mesh: Any, directory: Path, run_command: Run) -> None:
    port = mesh.part("gateway")["port"]
    refused = run_command("up", directory, *UP, "--port", str(port), environment=CORE_ALONE)
    assert refused.returncode == 1
    assert refused.stderr == f"shodhana: --port {port}: taken by another program\n"
