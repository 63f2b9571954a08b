"""A mesh over stores that fail over: the broker's leader dies, a gateway, and the primary of Postgres at last."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator

import pytest
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import connect

from tests.conftest import wait_until
from tests.high_availability.gateways import lose_a_gateway, session_at_each
from tests.high_availability.jobs import lose_the_leader, lose_the_primary
from tests.high_availability.mesh import Mesh, running_mesh

FILES = 20
REPLICAS = "worker=2"


@pytest.fixture(scope="module")
def mesh() -> Iterator[Mesh]:
    with running_mesh(REPLICAS) as running:
        yield running


def test_every_file_of_a_job_is_finished_once_though_the_leader_of_the_broker_dies(mesh: Mesh) -> None:
    outcome = lose_the_leader(mesh, FILES)
    assert (outcome.succeeded, outcome.reports) == (FILES, FILES)


def test_lists_are_read_from_the_standby(mesh: Mesh) -> None:
    before = reads_by_standby(mesh)
    with connect(mesh.profile) as client:
        wait_until(lambda: bool(client.transcripts.ListJobs(pb.ListJobsRequest()) and reads_by_standby(mesh) > before))


def reads_by_standby(mesh: Mesh) -> float:
    parts = json.loads(mesh.directory.state.read_text())["parts"]
    urls = [part["metrics_url"] for part in parts if part["name"].startswith("transcripts")]
    pages = "\n".join(urllib.request.urlopen(url, timeout=10).read().decode() for url in urls)
    counted = 'database_reads_total{schema="transcripts",target="standby"} '
    return sum(float(line.removeprefix(counted)) for line in pages.splitlines() if line.startswith(counted))


async def test_whoever_knows_both_gateways_goes_on_when_one_dies(mesh: Mesh) -> None:
    outcome = await lose_a_gateway(mesh, 4.0)
    assert outcome.failed == 0
    assert outcome.calls > 10


async def test_a_session_is_good_at_either_gateway(mesh: Mesh) -> None:
    first, second = await session_at_each(mesh)
    assert first == second
    assert first["roles"] == ["admin"]


def test_every_file_of_a_job_is_finished_once_though_the_primary_of_postgres_dies(mesh: Mesh) -> None:
    outcome = lose_the_primary(mesh, FILES)
    assert (outcome.succeeded, outcome.reports) == (FILES, FILES)
