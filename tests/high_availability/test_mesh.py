"""A mesh over stores that fail over: the leader of the broker dies during a job, and a gateway under calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import connect
from shodhana_client.client import Client

from tests.conftest import wait_until
from tests.high_availability.gateways import lose_a_gateway, session_at_each
from tests.high_availability.jobs import is_right, lose_the_leader
from tests.high_availability.mesh import Mesh, counted, running_mesh

FILES = 20
BY_STANDBY = 'database_reads_total{schema="transcripts",target="standby"}'
REPLICAS = "worker=2"


@pytest.fixture(scope="module")
def mesh() -> Iterator[Mesh]:
    with running_mesh(REPLICAS) as running:
        yield running


def test_every_file_of_a_job_is_finished_once_though_the_leader_of_the_broker_dies(mesh: Mesh) -> None:
    outcome = lose_the_leader(mesh, FILES)
    assert is_right(outcome), outcome


def test_lists_are_read_from_the_standby(mesh: Mesh) -> None:
    before = counted(mesh, "transcripts", BY_STANDBY)
    with connect(mesh.profile) as client:
        wait_until(lambda: is_read(client) and counted(mesh, "transcripts", BY_STANDBY) > before)


def is_read(client: Client) -> bool:
    return bool(client.transcripts.ListJobs(pb.ListJobsRequest()))


async def test_whoever_knows_both_gateways_goes_on_when_one_dies(mesh: Mesh) -> None:
    outcome = await lose_a_gateway(mesh, 4.0)
    assert outcome.failed == 0
    assert outcome.calls > 10


async def test_a_session_is_good_at_either_gateway(mesh: Mesh) -> None:
    first, second = await session_at_each(mesh)
    assert first == second
    assert first["roles"] == ["admin"]
