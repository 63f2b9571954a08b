"""What a reviewer holds."""

from __future__ import annotations

from asyncio import to_thread as called
from typing import TYPE_CHECKING

import pytest
from shodhana_client.review.answers import Answer
from shodhana_client.review.desk import Desk, NothingToUndo, Wanted

from tests.integration.review.calls import create

if TYPE_CHECKING:
    from shodhana_client.client import Client

    from tests.integration.review.calls import Stub


async def test_five_are_held_and_an_undone_one_beyond_them_keeps_its_lease(client: Client, stub: Stub) -> None:
    names = await create(stub, 7)
    desk = Desk(client, Wanted())
    with pytest.raises(NothingToUndo):
        await called(desk.undo)
    await called(desk.fill)
    assert desk.following == 4
    first = desk.current
    assert first is not None
    await called(desk.answer, first, Answer("reject"))
    await called(desk.fill)
    await called(desk.undo)
    assert desk.current is not None
    assert (desk.current.case.name, desk.following) == (names[0], 5)
    assert await called(desk.heartbeat) == []
    progress = await called(desk.look)
    assert (progress.waiting, progress.last_day, progress.here.total()) == (1, 0, 0)
    await called(desk.leave)
    assert desk.current is None
