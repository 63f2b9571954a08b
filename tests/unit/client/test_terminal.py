"""What people see on a terminal, and programs elsewhere."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shodhana_client.shares import hundredths
from shodhana_client.terminal import cells, fitted, wrapped

SHOW = """
from shodhana_client.terminal import Bar, print_table
print_table(("term", "gloss"), [("kṛṣṇa", "avatar of Viṣṇu, teacher of the Gītā"), ("oṃ", "the syllable")])
with Bar("correcting", 4) as bar:
    bar.show(2, "1 failed")
"""


def on_a_terminal(columns: int, *arguments: str, **environment: str) -> str:
    """What Python prints on a terminal so wide, of SHOW or with these arguments."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    usual = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    command = [sys.executable, *(arguments or ("-c", SHOW))]
    with subprocess.Popen(command, stdin=far, stdout=far, stderr=far, env=usual | {"TERM": "xterm"} | environment):
        os.close(far)
        shown = b""
        while part := read(near):
            shown += part
    os.close(near)
    return shown.decode().replace("\r\n", "\n")


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other side is closed
        return b""


def test_a_table_fits_the_terminal_and_its_head_stands_out() -> None:
    table, _, bar = on_a_terminal(30).partition("\r")
    assert table.splitlines() == [
        "\x1b[1mterm   gloss\x1b[0m",
        "kṛṣṇa  avatar of Viṣṇu,",
        "       teacher of the Gītā",
        "oṃ     the syllable",
    ]
    assert "correcting [###############...............]  2 of 4  0:00  1 failed" in bar
    assert bar.endswith("\x1b[2K")


def test_a_batch_is_a_table_on_a_terminal_and_tabs_elsewhere(
    shodhana: Callable[..., Any], profile_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "heard.tsv"
    path.write_text("heard\nbaki\nthe long one\n")
    words = ("suggest", "--batch", str(path))
    shown = on_a_terminal(80, "-m", "shodhana_client", *words, NO_COLOR="1", SHODHANA_CLIENT=str(profile_file))
    assert [line.rpartition("\x1b[2K")[2] for line in shown.rstrip("\n").split("\n")] == [
        "heard         1",
        "baki          bhakti 0.91",
        "the long one  bhakti 0.91",
    ]
    assert shodhana(*words).stdout == "baki\tbhakti 0.91\nthe long one\tbhakti 0.91\n"


def test_no_color_and_dumb_terminals_are_respected() -> None:
    table, _, _ = on_a_terminal(80, NO_COLOR="1").partition("\r")
    assert "\x1b" not in table
    assert "\x1b" not in on_a_terminal(80, TERM="dumb")


def test_away_from_a_terminal_rows_are_separated_by_tabs_and_nothing_moves() -> None:
    ran = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout == "kṛṣṇa\tavatar of Viṣṇu, teacher of the Gītā\noṃ\tthe syllable\n"
    assert ran.stderr == ""


@pytest.mark.parametrize(("text", "width"), [("ṛta", 3), ("r\u0325ta", 3), ("m\u0310", 1), ("語", 2), ("", 0)])
def test_marks_take_no_cell_and_wide_letters_two(text: str, width: int) -> None:
    assert cells(text) == width


@pytest.mark.parametrize(
    ("share", "text"), [(0.8453, "0.85"), (0.845, "0.85"), (0.8444, "0.84"), (0.015, "0.02"), (0, "0.00"), (1, "1.00")]
)
def test_a_figure_and_its_thousandths_are_written_alike(share: float, text: str) -> None:
    assert hundredths(share) == hundredths(round(share, 3)) == text


def test_the_widest_columns_give_way_first_and_none_below_reading() -> None:
    assert fitted([5, 40, 60], 80) == [5, 35, 36]
    assert fitted([30, 30, 30], 20) == [12, 12, 12]


def test_each_cell_goes_on_below_itself() -> None:
    assert wrapped(("a", "one two", "three four"), (1, 4, 5)) == ["a  one   three", "   two   four"]
