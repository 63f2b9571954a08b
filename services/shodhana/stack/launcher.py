"""Becomes another program that ends when its parent does, under another user where asked.

    python -I -S launcher.py SIGNAL USER COMMAND…      USER "-" keeps the user

A program of its own, not a `preexec_fn`: the supervisor has threads, and Python code between fork and exec may hang.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    signal_number, user, *command = sys.argv[1:]
    parent = os.getppid()
    if user != "-":
        record = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(record.pw_gid)
        os.setuid(record.pw_uid)
    if sys.platform == "linux":  # after setuid, which clears it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number))
    if os.getppid() != parent:
        sys.exit("the parent ended before the start")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
