"""Label Studio as the peer of the review queue: its pip default, in an environment of its own."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from shodhana.stack.ports import free_port

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parent.parent / "build" / "label-studio"
VERSION = "1.23.2"
REQUIREMENTS = [f"label-studio=={VERSION}", "setuptools"]
START_S, CALL_S = 240, 60
TASKS = 2000
LABELS = """<View><Text name="text" value="$text"/>
<Choices name="verdict" toName="text"><Choice value="accept"/><Choice value="reject"/></Choices></View>"""
ANSWER = {
    "result": [
        {"from_name": "verdict", "to_name": "text", "type": "choices", "value": {"choices": ["accept"]}},
    ]
}


class PeerMissing(Exception):
    """It cannot be installed here; the message says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A Label Studio that runs, with a project that waits to be labelled."""

    url: str
    project: int
    tokens: list[str]


def install() -> Path:
    """Its Python, installed where it is not there yet. Raises PeerMissing."""
    python = ENVIRONMENT / "bin" / "python"
    if (ENVIRONMENT / "installed").exists():
        return python
    uv = str(Path(sys.executable).parent / "uv")
    commands = (
        [uv, "venv", "--quiet", "--clear", str(ENVIRONMENT)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *REQUIREMENTS],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PeerMissing((done.stderr.strip() or "no message").splitlines()[-1])
    (ENVIRONMENT / "installed").touch()
    return python


@contextmanager
def running(users: int) -> Iterator[Peer]:
    """Starts it with so many users and TASKS tasks."""
    python, port, token = install(), free_port(), os.urandom(20).hex()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="shodhana-peer-") as data:
        settings = {
            "LABEL_STUDIO_BASE_DATA_DIR": data,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "COLLECT_ANALYTICS": "false",
        }
        environment = {**os.environ, **settings}
        command = [str(python.parent / "label-studio"), "start", "--no-browser", "--port", str(port), "--init"]
        account = ["--username", "admin@example.org", "--password", "only-for-this-run", "--user-token", token]
        output = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen([*command, "--data-dir", data, *account], env=environment, **output)
        try:
            wait_until_healthy(url)
            made = subprocess.run(
                [python, HERE / "label_studio_users.py", str(users)],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            tokens = [line.split()[1] for line in made.stdout.splitlines() if line.startswith("token ")]
            yield Peer(url, new_project(url, token), tokens)
        finally:
            process.terminate()
            process.wait(30)


def wait_until_healthy(url: str) -> None:
    ends_at = time.monotonic() + START_S
    while time.monotonic() < ends_at:
        try:
            if httpx.get(f"{url}/health", timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    raise TimeoutError("Label Studio does not answer")


def new_project(url: str, token: str) -> int:
    with httpx.Client(base_url=url, headers={"authorization": f"Token {token}"}, timeout=CALL_S) as client:
        settings = {"title": "queue", "label_config": LABELS, "maximum_annotations": 1, "is_published": True}
        project = client.post("/api/projects", json=settings).raise_for_status().json()["id"]
        tasks = [{"data": {"text": f"words around heard {i}"}} for i in range(TASKS)]
        client.post(f"/api/projects/{project}/import", json=tasks).raise_for_status()
    return int(project)


def measure(users: int, seconds: float) -> dict[str, Any]:
    """Cycles of next and submit by so many users at once. Raises PeerMissing."""
    with running(users) as peer:
        results = asyncio.run(_label_all(peer, seconds))
    cycles_s = sorted(cycle_s for cycles, _ in results for cycle_s in cycles)
    given = Counter(task for _, tasks in results for task in tasks)
    return {
        "per_second": round(len(cycles_s) / seconds, 1),
        "p50_ms": round(1000 * statistics.median(cycles_s), 1),
        "p99_ms": round(1000 * cycles_s[int(0.99 * len(cycles_s))], 1),
        "double": sum(count - 1 for count in given.values()),
    }


async def _label_all(peer: Peer, seconds: float) -> list[tuple[list[float], list[int]]]:
    ends_at = time.monotonic() + seconds
    return await asyncio.gather(*(_label(peer, token, ends_at) for token in peer.tokens))


async def _label(peer: Peer, token: str, ends_at: float) -> tuple[list[float], list[int]]:
    cycles: list[float] = []
    tasks: list[int] = []
    headers = {"authorization": f"Token {token}"}
    async with httpx.AsyncClient(base_url=peer.url, headers=headers, timeout=CALL_S) as client:
        while (began := time.monotonic()) < ends_at:
            answer = await client.get(f"/api/projects/{peer.project}/next/")
            if not answer.is_success:
                continue
            task = answer.json()["id"]
            submitted = await client.post(f"/api/tasks/{task}/annotations/", json=ANSWER)
            if submitted.is_success and time.monotonic() <= ends_at:
                cycles.append(time.monotonic() - began)
                tasks.append(task)
    return cycles, tasks
