"""The mesh in containers on this machine's own network: each service listens on a loopback address of its own."""

from __future__ import annotations

import asyncio
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from shodhana.stack.places import PROJECT
from shodhana.stack.postgres import EmbeddedPostgres
from shodhana.stack.redis import EmbeddedRedis

from tests.conftest import execute, wait_until
from tests.images.containers import Container, is_built, podman, start

sys.path.insert(0, str(PROJECT / "tools"))
SERVICES = ("identity", "embedding", "similarity", "quality", "review", "transcripts")
IMAGES = (*SERVICES, "migrations", "gateway")
HOSTS = {name: f"127.0.51.{number}" for number, name in enumerate(SERVICES, 1)}
START_S = 300


@dataclass(frozen=True, slots=True)
class ContainedMesh:
    """The running containers by service, and the folder of the secrets they were given."""

    containers: Mapping[str, Container]
    secrets: Path


@pytest.fixture(scope="session", autouse=True)
def images() -> None:
    """Skips where images cannot be run or are not built."""
    if missing := [tool for tool in ("podman", "runc") if shutil.which(tool) is None]:
        pytest.skip(f"{' and '.join(missing)} not installed: containers cannot be run here")
    if missing := [name for name in IMAGES if not is_built(name)]:
        pytest.skip(f"no image of {', '.join(missing)}: `make image` builds them")


@pytest.fixture(scope="session")
def secrets(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: EmbeddedPostgres, redis_server: EmbeddedRedis
) -> Iterator[Path]:
    """What `tools/deployment_secrets.py` makes, for the servers of the tests and a database that is empty."""
    import deployment_secrets as tool

    name = f"images_{uuid.uuid4().hex}"
    asyncio.run(execute(maintenance(postgres_server), f"CREATE DATABASE {name} TEMPLATE template0"))
    folder = tmp_path_factory.mktemp("deployment") / "secrets"
    url = postgres_server.url_of("shodhana", postgres_server.password, name)
    tool.make(
        folder, tool.Place(f"127.0.0.1:{postgres_server.port}/{name}", redis_at(redis_server), redis_at(redis_server))
    )
    owner = folder / "migrations" / "database_url"
    owner.chmod(0o644)
    owner.write_text(url)
    yield folder
    asyncio.run(execute(maintenance(postgres_server), f"DROP DATABASE {name} WITH (FORCE)"))


def maintenance(server: EmbeddedPostgres) -> str:
    return server.url_of("shodhana", server.password, "postgres")


def redis_at(server: EmbeddedRedis):  # type: ignore[no-untyped-def]
    return lambda _password: server.url


@pytest.fixture(scope="session")
def migrated(secrets: Path) -> str:
    """What the container of the migrations said; it has ended."""
    options = ["--rm", *mounted(secrets, "migrations")]
    arguments = ["run", "--read-only", "--cap-drop=all", "--network", "host", "--no-healthcheck"]
    limits = ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"]
    return podman(*arguments, *limits, *options, "localhost/shodhana-migrations:dev").stdout


@pytest.fixture(scope="session")
def mesh(secrets: Path, migrated: str) -> Iterator[ContainedMesh]:
    containers: dict[str, Container] = {}
    prefix = f"shodhana-test-{uuid.uuid4().hex[:8]}"
    try:
        for service in SERVICES:
            containers[service] = start(f"{prefix}-{service}", service, options_of(service, secrets))
        for service in SERVICES:
            wait_for(containers[service])
        worker = [*options_of("transcripts", secrets), *worker_options()]
        containers["worker"] = start(f"{prefix}-worker", "transcripts", worker, WORKER)
        wait_for(containers["worker"])
        containers["gateway"] = start(f"{prefix}-gateway", "gateway", gateway_options(secrets))
        wait_until(lambda: containers["gateway"].is_healthy("/opt/envoy/healthy"), START_S)
        yield ContainedMesh(containers, secrets)
    finally:
        for container in reversed(containers.values()):
            container.remove()


WORKER = (
    *("--app", "shodhana.transcripts.tasks", "worker", "--pool", "solo", "--loglevel", "INFO"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)


def wait_for(container: Container) -> None:
    def is_done() -> bool:
        assert container.is_running(), container.log()
        return container.is_healthy()

    try:
        wait_until(is_done, START_S)
    except AssertionError as error:
        raise AssertionError(f"{container.name}: {container.log()}") from error


def mounted(secrets: Path, service: str) -> list[str]:
    return [
        *("--volume", f"{secrets / service}:/run/secrets/shodhana:ro"),
        *("--volume", f"{secrets / 'jwks'}:/etc/shodhana/jwks:ro"),
        *certified(secrets, service),
        *("--env", "SECRETS_DIR=/run/secrets/shodhana"),
    ]


def certified(secrets: Path, service: str) -> list[str]:
    """The mesh's certificate of a service, where it has one."""
    folder = secrets / "mesh" / service
    return ["--volume", f"{folder}:/etc/shodhana/mesh:ro"] if folder.exists() else []


def options_of(service: str, secrets: Path) -> list[str]:
    environment = {
        "LISTEN_ADDRESS": f"{HOSTS[service]}:50051",
        "HEALTH_ADDRESS": f"{HOSTS[service]}:50052",
        "MESH_TLS_PATH": "/etc/shodhana/mesh",
        "METRICS_ADDRESS": f"{HOSTS[service]}:9100",
        "JWKS_PATH": "/etc/shodhana/jwks/jwks.json",
        "SERVICE_ACCOUNT_ID": service,
        **{f"{name.upper()}_ADDRESSES": f"{host}:50051" for name, host in HOSTS.items()},
    }
    if service == "identity":
        environment |= {
            "JWKS_PATH": "/run/shodhana/jwks.json",
            "SIGNING_KEY_PATH": "/run/secrets/shodhana/signing_key.json",
            "SERVICE_ACCOUNTS_PATH": "/run/secrets/shodhana/service_accounts.json",
            "AUTH_LISTEN_ADDRESS": f"{HOSTS[service]}:8080",
        }
    return [*mounted(secrets, service), *(word for pair in environment.items() for word in ("--env", "=".join(pair)))]


def worker_options() -> list[str]:
    return [
        *("--entrypoint", "/opt/venv/bin/celery", "--env", "WORKER_READY_PATH=/run/shodhana/ready"),
        *("--env", "METRICS_ADDRESS=127.0.51.7:9100"),
    ]


def gateway_options(secrets: Path) -> list[str]:
    hosts = [word for name, host in HOSTS.items() for word in ("--add-host", f"{name}:{host}")]
    volumes = [
        "--volume",
        f"{secrets / 'tls'}:/etc/shodhana/tls:ro",
        "--volume",
        f"{secrets / 'jwks'}:/etc/shodhana/jwks:ro",
    ]
    return [*hosts, *volumes, *certified(secrets, "gateway")]
