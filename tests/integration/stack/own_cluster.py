"""Starts a cluster in a folder as whoever runs this, and asks it something: `own_cluster.py FOLDER`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from shodhana.stack import stores
from shodhana.stack.ports import free_port
from shodhana.stack.supervisor import Supervisor


async def main(folder: Path) -> None:
    program, _ = stores.postgres(folder, free_port(), "only-for-tests")
    supervisor = Supervisor([program], folder / "logs", lambda _: None)
    await supervisor.start()
    await supervisor.stop()
    print(os.geteuid(), "answers")


asyncio.run(main(Path(sys.argv[1])))
