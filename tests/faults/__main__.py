"""Breaks a running mesh in every way of the table, under load, and says what became of the calls.

    python -m tests.faults                              the whole table (about ten minutes)
    python -m tests.faults --list                       the names of the rows
    python -m tests.faults --only postgres --only cache the rows whose names hold a word
    python -m tests.faults --soak 10                    ten minutes at 70 % load with random kills instead

Exit code 0: every invariant held; 1: one did not; 2: a wrong argument.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time

from tests.faults.matrix import run_matrix
from tests.faults.soak import run_soak
from tests.faults.table import FAULTS, UnknownFault, named
from tests.faults.world import world


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", metavar="WORD", action="append", default=[], help="rows with this word; may be repeated"
    )
    parser.add_argument("--list", action="store_true", help="print the names of the rows and stop")
    parser.add_argument("--soak", metavar="MINUTES", type=float, help="steady load and random kills for so long")
    arguments = parser.parse_args()
    if arguments.list:
        print(*(fault.name for fault in FAULTS), sep="\n")
        return 0
    try:
        faults = named(arguments.only)
    except UnknownFault as error:
        print(error, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # whoever ends it early leaves nothing running either
    began = time.monotonic()
    with world() as started:
        print(f"a mesh of two replicas stands after {time.monotonic() - began:.0f} s", flush=True)
        if arguments.soak:
            return 1 if asyncio.run(run_soak(started, arguments.soak)).broken else 0
        rows = asyncio.run(run_matrix(started, faults))
    failed = [row for row in rows if row.broken]
    skipped = [row for row in rows if row.skipped]
    minutes = (time.monotonic() - began) / 60
    print(f"{len(rows)} faults in {minutes:.1f} minutes: {len(failed)} broke an invariant, {len(skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
