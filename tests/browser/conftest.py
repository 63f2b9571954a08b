"""A mesh with cases to review, people with roles at an OpenID provider, and Chromium."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from shodhana.stack.gateway import dashboard
from shodhana.stack.places import PROJECT
from shodhana.stack.ports import free_port

from tests.observability.collector import Collector, running_collector
from tests.oidc.provider import running_provider

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.visitor import Visitor

TOOL = Path(sys.executable).parent / "shodhana"
SAMPLE = PROJECT / "samples" / "gita_chapter_two_talk.srt"
PEOPLE = {"expert": "expert_linguist", "second": "expert_linguist", "viewer": "viewer", "admin": "admin"}
START_S = 240
SWEEP_S = 60
REPLACED = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SHODHANA_DIR", "SHODHANA_CLIENT", "ENABLE_EPIC_3"}


@dataclass(frozen=True, slots=True)
class Mesh:
    """A running stack."""

    directory: Path
    site: str
    environment: dict[str, str]
    collector: Collector

    def tool(self, *arguments: str | Path) -> str:
        """Runs the command-line tool as this stack's service account; what it printed."""
        command = [str(TOOL), *map(str, arguments)]
        environment = {**self.environment, "SHODHANA_DIR": str(self.directory), "SHODHANA_NO_LOGIN": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=START_S)
        assert done.returncode in (0, 3), done.stdout + done.stderr
        return done.stdout

    def end_leases(self) -> None:
        """As when everybody was away for longer than a lease lasts; returns when all cases wait again."""
        state = json.loads((self.directory / "state.json").read_text())
        port = next(part["port"] for part in state["parts"] if part["name"] == "postgres")
        password = json.loads((self.directory / "secrets.json").read_text())["role review"]
        url = f"postgresql://shodhana_review:{password}@127.0.0.1:{port}/shodhana"
        with ThreadPoolExecutor(1) as beside:  # playwright has a loop running in this thread
            beside.submit(asyncio.run, ended_leases(url)).result()


async def ended_leases(url: str) -> None:
    connection = await asyncpg.connect(url)
    held = "FROM review.review_cases WHERE state = 'in_review'"
    try:
        async with asyncio.timeout(SWEEP_S):
            await connection.execute("UPDATE review.review_cases SET lease_until = now() WHERE state = 'in_review'")
            while await connection.fetchval(f"SELECT count(*) {held} AND lease_until <= now()"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


def lacking(reason: str) -> None:
    """Skips, visibly; where CI=true it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        lacking("there is no Chromium: tools/setup_browser.sh installs it, CHROMIUM names it")
    if not dashboard.is_built():
        lacking("the dashboard is not built: tools/setup_dashboard.sh dev")
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        lacking("playwright is not installed: tools/setup_browser.sh")
    return str(found)


@pytest.fixture(scope="session")
def mesh(chromium_path: str) -> Iterator[Mesh]:
    """Every doubtful place of the sample lecture waits for a decision: nothing is sure enough to be applied."""
    port = free_port()
    site = f"https://localhost:{port}"
    with ExitStack() as stack:
        provider = stack.enter_context(running_provider(f"{site}/auth/callback"))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shodhana-browser-")))
        directory.chmod(0o755)
        clean = {name: value for name, value in os.environ.items() if name not in REPLACED}
        collector = stack.enter_context(running_collector())
        told = {"SIMILARITY_THRESHOLD": "0.9999", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}"}
        found = Mesh(directory, site, {**clean, **provider.environment, **told}, collector)
        stack.callback(found.tool, "down", "--dir", directory)
        found.tool("up", "--detach", "--dir", directory, "--port", str(port), "--replicas", "worker=1")
        for name, role in PEOPLE.items():
            user = json.dumps({"email": f"{name}@example.org", "roles": [role]})
            found.tool("rpc", "users", "create-user", "--user", user)
        found.tool("process", SAMPLE, "--output", directory / "out")
        yield found


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]  # Chromium has none for root
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=sandbox)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, mesh: Mesh) -> Callable[..., AbstractContextManager[Visitor]]:
    """`with visit(viewport={"width": 360, "height": 800}) as visitor`: somebody who is not logged in yet."""
    from tests.browser.visitor import visiting

    found: Any = partial(visiting, browser, mesh.site)
    return found
