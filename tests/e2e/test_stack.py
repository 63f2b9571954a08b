"""The stack as its users meet it: up, status, kill, down, side by side, as root and as a user."""

from __future__ import annotations

WAIT_S = 60
NOBODY = 65534
AS_A_USER = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),  # the interpreter may stand in a closed folder
)
CORE = ("--replicas", "worker=1")
CORE_ALONE = {"ENABLE_EPIC_3": "false"}
