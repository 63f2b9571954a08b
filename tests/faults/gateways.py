"""A second gateway of the same mesh, with Envoy's fault filter in its chain: it delays and refuses what it is given."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from shodhana.stack.envoy import EmbeddedEnvoy
from shodhana.stack.gateway.values import extension, socket_address
from shodhana.stack.health import http_answers
from shodhana.stack.places import StackDirectory
from shodhana.stack.ports import LOOPBACK, free_port

from tests.conftest import Running
from tests.faults.fault import Fault, Inject
from tests.faults.world import World

START_S = 60.0
HALF = {"numerator": 50, "denominator": "HUNDRED"}
A_FIFTH = {"numerator": 20, "denominator": "HUNDRED"}
UNAVAILABLE = 14


def gateways() -> Iterator[Fault]:
    slow = {"delay": {"fixed_delay": "0.3s", "percentage": HALF}}
    refusing = {"abort": {"grpc_status": UNAVAILABLE, "percentage": A_FIFTH}}
    yield Fault("gateway delays half by 300 ms", _with_filter(slow), through_proxy=True)
    yield Fault("gateway refuses a fifth", _with_filter(refusing), through_proxy=True)


def _with_filter(faults: dict[str, Any]) -> Inject:
    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory(prefix="shodhana-gateway-") as name:
            directory, [port, admin, metrics] = StackDirectory(Path(name)), [free_port() for _ in range(3)]
            configuration = yaml.safe_load((world.mesh.directory / "envoy.yaml").read_text())
            _move(configuration, {"public": port, "metrics": metrics}, admin)
            _insert(configuration, faults)
            directory.envoy.write_text(yaml.safe_dump(configuration, sort_keys=False))
            with Running(list(EmbeddedEnvoy(directory, port, admin, metrics, {}).command())):
                await _ready(admin)
                with world.wires["gateway"].towards(port):
                    yield

    return inject


def _move(configuration: dict[str, Any], ports: dict[str, int], admin: int) -> None:
    configuration["admin"]["address"] = socket_address(f"{LOOPBACK}:{admin}")
    for listener in configuration["static_resources"]["listeners"]:
        if listener["name"] in ports:
            listener["address"] = socket_address(f"{LOOPBACK}:{ports[listener['name']]}")


def _insert(configuration: dict[str, Any], faults: dict[str, Any]) -> None:
    """Before the router: what is refused there has passed every check."""
    [public] = [found for found in configuration["static_resources"]["listeners"] if found["name"] == "public"]
    chain = public["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    chain.insert(-1, extension("envoy.filters.http.fault", "extensions.filters.http.fault.v3.HTTPFault", **faults))


async def _ready(admin: int) -> None:
    check, ends_at = http_answers(admin, "/ready"), time.monotonic() + START_S
    while True:
        try:
            return await check()
        except Exception:
            assert time.monotonic() < ends_at, "the second gateway does not start"
            await asyncio.sleep(0.1)
