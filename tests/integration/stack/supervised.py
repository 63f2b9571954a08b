"""Runs a supervisor over one guarded child until it is killed: `supervised.py FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from shodhana.stack import health
from shodhana.stack.keeper import guarded
from shodhana.stack.parts import Program
from shodhana.stack.supervisor import Supervisor

CHILD = Path(__file__).with_name("child.py")


async def main(folder: Path) -> None:
    command = guarded(sys.executable, str(CHILD), "lone", str(folder), "stubborn-not")
    lone = Program("lone", command, health.file_touched(folder / "lone"))
    await Supervisor([lone], folder / "logs", lambda _: None).start()
    (folder / "started").touch()
    await asyncio.Event().wait()


asyncio.run(main(Path(sys.argv[1])))
