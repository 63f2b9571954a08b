"""An expert at a terminal, and away from it: through the gateway, with a token."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Mesh

TALK = """\
1
00:00:01,000 --> 00:00:06,000
She crosses the nabi and the heart, and comes up to the agnya.

2
00:00:07,000 --> 00:00:12,000
She comes up from the nabi, and there is the cool breeze.
"""
TOOL = Path(sys.executable).parent / "shodhana"
SHOWN_S = 60
CONTROL = re.compile(r"\x1b\[[0-9;?<>=]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]")


@pytest.fixture
def terminal(mesh: Mesh) -> Iterator[Terminal]:
    environment = {**mesh.environment, "SHODHANA_CLIENT": str(mesh.directory / "client.json"), "TERM": "xterm-256color"}
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    command = [str(TOOL), "review", "--domain", "spiritual"]
    with subprocess.Popen(command, stdin=far, stdout=far, stderr=far, env=environment) as process:
        os.close(far)
        yield Terminal(near, process)
        process.kill()
    os.close(near)


class Terminal:
    """A screen of 100 by 40 with a program in it."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._descriptor = descriptor

    def press(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def wait_for(self, words: str) -> str:
        """What is drawn until the words are."""
        drawn, ends_at = b"", time.monotonic() + SHOWN_S
        while words not in (text := CONTROL.sub("", drawn.decode(errors="replace"))):
            assert time.monotonic() < ends_at, text
            if select.select([self._descriptor], [], [], 1)[0]:
                drawn += os.read(self._descriptor, 65_536)
        return text


def queue(mesh: Mesh, folder: Path) -> None:
    """Has two doubtful words reviewed."""
    talk = folder / f"talk-{time.time_ns()}.srt"  # a place of a file is asked about once
    talk.write_text(TALK)
    assert "2 review cases queued" in mesh.tool("process", talk, "--output", folder).stdout


def test_an_expert_decides_on_the_screen(mesh: Mesh, terminal: Terminal, tmp_path: Path) -> None:
    queue(mesh, tmp_path)
    terminal.wait_for("spiritual · due in")
    terminal.press('cmadhyamaa "saktir\r')
    terminal.wait_for("→ madhyamā śaktir")
    terminal.press("q")
    assert terminal.process.wait(SHOWN_S) == 0
    decided = mesh.tool("review", "list", "--decided-by-me", "--limit", "1", "--json", "decision,domain")
    [case] = json.loads(decided.stdout)
    assert (case["decision"]["decided_text"], case["domain"]) == ("madhyamā śaktir", "spiritual")


def test_a_table_is_filled_in_offline_and_applied_twice(mesh: Mesh, tmp_path: Path) -> None:
    queue(mesh, tmp_path)
    sheet = tmp_path / "cases.tsv"
    mesh.tool("review", "checkout", "--limit", "2", "--output", sheet)
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file, delimiter="\t"))
    rows[0]["verdict"], rows[1]["verdict"] = "accept", "reject"
    with sheet.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    first, second = (mesh.tool("review", "apply", sheet).stdout for _ in range(2))
    assert first == "1 accepted, 1 left as heard; 0 empty, 0 refused\n"
    assert second == "2 applied before; 0 empty, 0 refused\n"
    decided = json.loads(mesh.tool("review", "list", "--decided-by-me", "--limit", "2", "--json", "heard").stdout)
    assert {" ".join(case["heard"].split()) for case in decided} == {row["heard"] for row in rows}
