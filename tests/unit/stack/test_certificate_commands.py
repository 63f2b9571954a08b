"""`shodhana certificates`, and what the supervisor renews by itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from shodhana.stack.certificates import renewal
from shodhana.stack.certificates.mesh import MeshCertificates
from shodhana.stack.commands import stack
from shodhana.stack.places import StackDirectory
from shodhana.stack.topology import CERTIFIED

DEADLINE_S = 60


@pytest.fixture
def place(tmp_path: Path) -> StackDirectory:
    found = StackDirectory(tmp_path / "stack")
    renewal.mesh_of(found).ensure()
    renewal.edge_of(found).ensure()
    return found


def run(place: StackDirectory, *words: str) -> Result:
    return CliRunner().invoke(stack, ["certificates", *words, "--dir", str(place.root)])


def test_who_has_one_and_until_when_is_shown(place: StackDirectory) -> None:
    lines = run(place, "show").output.splitlines()
    assert [line.split()[0] for line in lines] == [*CERTIFIED, "edge", "authority"]
    ends = datetime.now(UTC) + timedelta(days=30)
    assert f"until {ends:%Y-%m-%d}" in lines[0]


def test_all_are_made_anew(place: StackDirectory) -> None:
    mesh, edge = renewal.mesh_of(place), renewal.edge_of(place)
    before = [mesh.read(name).certificate for name in CERTIFIED], edge.server.read_bytes()
    assert run(place, "rotate").exit_code == 0
    assert not {*before[0]} & {mesh.read(name).certificate for name in CERTIFIED}
    assert edge.server.read_bytes() != before[1]


def test_another_authority_takes_its_place_step_by_step(place: StackDirectory) -> None:
    [before] = renewal.mesh_of(place).trusted()
    said = run(place, "rotate", "--authority").output
    assert said.splitlines()[:3] == [
        "both authorities are trusted",
        "certificates of the new authority are shown",
        "the old authority is trusted no longer",
    ]
    [after] = renewal.mesh_of(place).trusted()
    assert after.certificate != before.certificate


@pytest.mark.parametrize("command", ["show", "rotate"])
def test_where_there_are_none_the_command_says_who_makes_them(tmp_path: Path, command: str) -> None:
    refused = run(StackDirectory(tmp_path / "nothing"), command)
    assert refused.exit_code == 1
    assert "shodhana up" in refused.output


async def test_what_ends_soon_is_renewed_while_the_stack_runs(place: StackDirectory) -> None:
    old = MeshCertificates(place.mesh, ("quality",))
    old.rotate(datetime.now(UTC) - timedelta(days=25))
    before = old.read("quality").certificate
    keeping = asyncio.create_task(renewal.keep_certificates(place, every_s=0.01))
    async with asyncio.timeout(DEADLINE_S):
        while old.read("quality").certificate == before:  # noqa: ASYNC110 - files have no event
            await asyncio.sleep(0.02)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
