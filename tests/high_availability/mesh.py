"""A whole mesh over stores that fail over, and a second gateway beside its own."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from shodhana.stack.places import StackDirectory
from shodhana.stack.ports import free_port
from shodhana_client.profile import Profile

from tests.conftest import Running, wait_until
from tests.e2e.conftest import stack_command
from tests.high_availability.pair import Pair, running_pair
from tests.high_availability.redises import Broker, Cache, clustered_cache, watched_broker

START_S = 60


@dataclass(frozen=True, slots=True)
class Mesh:
    """What runs, and what to break."""

    directory: StackDirectory
    pair: Pair
    broker: Broker
    cache: Cache
    gateways: tuple[int, int]
    """Ports; the second is not the stack's own."""

    @property
    def profile(self) -> Profile:
        return Profile.read(self.directory.client)

    def profile_of_both(self) -> Profile:
        """Names both gateways, as one name with two addresses would."""
        addresses = ",".join(f"127.0.0.1:{port}" for port in self.gateways)
        return replace(self.profile, gateway=f"ipv4:{addresses}")


@contextmanager
def running_mesh(replicas: str) -> Iterator[Mesh]:
    """The core engine over a pair of Postgres, a watched broker and a cluster; `replicas` as `up` takes them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shodhana-available-")))
        folder.chmod(0o755)
        for name in ("pair", "broker", "cache", "mesh"):
            (folder / name).mkdir(mode=0o755)
        pair = stack.enter_context(running_pair(folder / "pair"))
        pair.set_synchronous()
        broker = stack.enter_context(watched_broker(folder / "broker"))
        cache = stack.enter_context(clustered_cache(folder / "cache"))
        directory = StackDirectory(folder / "mesh")
        environment = {
            "DATABASE_URL": pair.owner_url,
            "DATABASE_REPLICA_URL": pair.standby.url,
            "REDIS_URL": cache.url,
            "CELERY_BROKER_URL": broker.url,
            "ENABLE_EPIC_3": "false",
        }
        stack.callback(stack_command, "down", directory.root)
        started = stack_command("up", directory.root, "--detach", "--replicas", replicas, environment=environment)
        assert started.returncode == 0, started.stdout + started.stderr
        first = int(Profile.read(directory.client).gateway.rpartition(":")[2])
        second = stack.enter_context(second_gateway(directory))
        yield Mesh(directory, pair, broker, cache, (first, second))


@contextmanager
def second_gateway(directory: StackDirectory) -> Iterator[int]:
    """An Envoy with the configuration of the mesh's own, at ports of its own."""
    own = part_of(directory, "gateway")
    configuration, changed = directory.envoy.read_text(), {}
    for port in {int(port) for port in re.findall(r"port_value: (\d+)", configuration.split("clusters:")[0])}:
        changed[port] = free_port()
    for old, new in changed.items():
        configuration = configuration.replace(f"port_value: {old}\n", f"port_value: {new}\n")
    path = directory.envoy.with_name("second_envoy.yaml")
    path.write_text(configuration)
    command = [str(path) if word == str(directory.envoy) else word for word in _command_of(own["pid"])]
    port = changed[own["port"]]
    with Running(command):
        wait_until(lambda: answers(port), START_S)
        yield port


def answers(port: int) -> bool:
    """Whether a gateway takes requests."""
    try:
        with httpx.Client(verify=False, timeout=2) as http:
            return http.get(f"https://localhost:{port}/health").status_code == 200
    except httpx.HTTPError:
        return False


def _command_of(pid: int) -> list[str]:
    return [word for word in Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0") if word]


def process_of(directory: StackDirectory, name: str) -> int:
    """The id of a process of the mesh."""
    return int(part_of(directory, name)["pid"])


def counted(mesh: Mesh, name: str, counter: str) -> float:
    """The sum of a counter (`files_processed_total{outcome="succeeded"}`) over the processes of a service."""
    parts = json.loads(mesh.directory.state.read_text())["parts"]
    urls = [part["metrics_url"] for part in parts if part["name"] == name or part["name"].startswith(f"{name}-")]
    lines = [line for url in urls for line in httpx.get(url, timeout=10).text.splitlines()]
    return sum(float(line.removeprefix(counter)) for line in lines if line.startswith(f"{counter} "))


def part_of(directory: StackDirectory, name: str) -> dict[str, Any]:
    parts = json.loads(directory.state.read_text())["parts"]
    return next(part for part in parts if part["name"] == name)
