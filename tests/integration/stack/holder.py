"""Holds a stack's directory until SIGTERM, as a supervisor does: `holder.py FOLDER PURPOSE`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from shodhana.stack.places import StackDirectory
from shodhana.stack.state import locked

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with locked(StackDirectory(Path(sys.argv[1])), sys.argv[2]):
    signal.pause()
