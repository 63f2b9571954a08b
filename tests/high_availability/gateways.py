"""The drill of two gateways of which one dies: does whoever knows both go on, and does a session?"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import ssl
import time
from dataclasses import dataclass
from html import unescape
from typing import Any
from unittest.mock import patch
from urllib.parse import urljoin

import httpx
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import client as client_module
from shodhana_client import connect_async
from shodhana_client.errors import ShodhanaError

from tests.conftest import wait_until
from tests.high_availability.mesh import Mesh, answers, process_of
from tests.oidc.browser import Browser

NAMED = (*client_module.OPTIONS, ("grpc.ssl_target_name_override", "localhost"))
"""Elsewhere it is one name with two addresses that is called; no name of this machine has two."""
PAUSE_S = 0.02
DEADLINE_S = 10.0
BACK_S = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What callers saw."""

    calls: int
    failed: int
    longest_s: float


async def lose_a_gateway(mesh: Mesh, seconds: float) -> Outcome:
    """A client that knows both gateways reads all the time; the one that it uses dies, and comes back."""
    times_s, failed = list[float](), 0
    with patch.object(client_module, "OPTIONS", NAMED):
        knows_both = connect_async(mesh.profile_of_both(), deadline_s=DEADLINE_S)
    async with knows_both as client:
        await client.transcripts.ListJobs(pb.ListJobsRequest())
        began, is_killed = time.monotonic(), False
        while (passed_s := time.monotonic() - began) < seconds:
            if passed_s > seconds / 4 and not is_killed:
                os.kill(process_of(mesh.directory, "gateway"), signal.SIGKILL)
                is_killed = True
            called = time.monotonic()
            try:
                await client.transcripts.ListJobs(pb.ListJobsRequest())
            except ShodhanaError:
                failed += 1
            times_s.append(time.monotonic() - called)
            await asyncio.sleep(PAUSE_S)
    await asyncio.to_thread(wait_until, lambda: answers(mesh.gateways[0]), BACK_S)
    return Outcome(len(times_s), failed, max(times_s))


async def session_at_each(mesh: Mesh) -> list[Any]:
    """Logs in at the first gateway; what each gateway says of the session then."""
    context = ssl.create_default_context(cafile=str(mesh.profile.ca_certificate))
    sites = [f"https://localhost:{port}" for port in mesh.gateways]
    async with httpx.AsyncClient(base_url=sites[0], verify=context, timeout=30) as client:
        browser = Browser(sites[0], client)
        await _log_in(browser)
        found = [await browser.session()]
    async with httpx.AsyncClient(base_url=sites[1], verify=context, timeout=30) as client:
        other = Browser(sites[1], client)
        other.cookies.update(browser.cookies)  # a browser keeps them by host, whatever the port
        return [*found, await other.session()]


async def _log_in(browser: Browser) -> None:
    """At the development log-in, as an administrator."""
    url = await browser.to_provider("/")
    page = await browser.get(url)
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}
    answer = await browser.post(urljoin(url, "/authorize"), data={**fields, "person": "admin"})
    await browser.get(answer.headers["location"])
