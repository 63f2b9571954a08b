"""A few rows of the matrix, which `make faults` runs whole; and that its judge sees what is wrong."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from tests.faults.ledger import Ledger, audit
from tests.faults.matrix import HEAD, run_fault
from tests.faults.proxy import wires
from tests.faults.table import FAULTS

SHORT = (
    "freeze similarity-1 4 s",
    "freeze both embedding 4 s",
    "postgres refuses 8 s",
    "callers are cut off, 8 times",
    "disk of job files full (8 MB)",
)
"""A replica, a service, a store, the way to the caller, a disk: what the tests of the mesh do not break already."""


@pytest.mark.parametrize("name", SHORT)
async def test_the_invariants_hold(world: Any, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    [fault] = [found for found in FAULTS if found.name == name]
    row = await run_fault(world, fault)
    with capsys.disabled():
        print(f"\n{HEAD}\n{row.line()}")
    if row.skipped:
        pytest.skip(row.skipped)
    assert not row.broken, row.codes


async def test_what_was_acknowledged_and_is_not_stored_counts_as_lost(world: Any) -> None:
    decision = str(uuid.uuid4())
    found = await audit(Ledger(decisions=[decision], jobs={10**9: "never.txt"}), world.database_url)
    assert found.lost == [f"decision {decision}", "job file never.txt"]


async def test_a_proxy_delays_resets_and_swallows() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    with wires({"echo": server.sockets[0].getsockname()[1]}) as found:
        wire = found["echo"]
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)

        async def asked(seconds: float) -> bytes:
            writer.write(b"once\n")
            return await asyncio.wait_for(reader.readline(), seconds)

        assert await asked(5) == b"once\n"
        with wire.slow(0.2), pytest.raises(TimeoutError):
            await asked(0.35)
        assert await asyncio.wait_for(reader.readline(), 60) == b"once\n"
        with wire.silent(), pytest.raises(TimeoutError):
            await asked(0.2)
        assert await asyncio.wait_for(reader.readline(), 60) == b"once\n"
        with wire.refusing(), pytest.raises(ConnectionResetError):
            await reader.readline()
    server.close()
