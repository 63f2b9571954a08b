"""A small program for the supervisor's tests: `child.py NAME FOLDER MODE`; keeps a journal of what it lives through."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

name, folder, mode = sys.argv[1], Path(sys.argv[2]), sys.argv[3]


def note(what: str) -> None:
    with (folder / "journal").open("a") as journal:
        journal.write(f"{what} {name}\n")


def end(*_: object) -> None:
    note("stop")
    sys.exit(0)


note("start")
if mode == "dies":
    print("cannot find the lexicon", file=sys.stderr)
    sys.exit(4)
signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "stubborn" else end)
if mode == "parent":
    kin = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    (folder / "kin").write_text(str(kin.pid))
(folder / name).write_text(str(os.getpid()))
while True:
    signal.pause()
