"""The table that a linguist fills in offline.

Tab-separated values: a spreadsheet opens them with a double click and an editor shows a case as a line. It begins with
a byte order mark, without which Excel takes ā for Ä. What spreadsheets make of it when they save (commas or semicolons
in place of tabs, quotation marks, UTF-16) is read as well.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TextIO

from shodhana.api.review.v1 import review_pb2 as pb

from .answers import Answer, Ticket
from .case_text import in_context, text_of, where

COLUMNS = (
    *("verdict", "correction", "note", "heard", "context", "suggestion 1", "suggestion 2", "suggestion 3"),
    *("meaning", "why", "domain", "where", "ticket"),
)
SUGGESTIONS = 3
WORDS = {"a": "accept", "c": "correct", "x": "reject", "s": "skip", "e": "escalate"}
VERDICTS = (*WORDS.values(), "1", "2", "3")
_TICKET = re.compile(r"#(\d{1,18})\.(\d{1,18}) ")
_FORMULA = ("=", "+", "-", "@")
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class SheetUnreadable(Exception):
    """The file is not one that `checkout` wrote, or a row of it cannot be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row with an answer. `line` counts from 1, the head included; `answer` is None where none is filled in."""

    line: int
    ticket: Ticket
    answer: Answer | None


class Sheet:
    """A file that rows are written to as they come: what is in it is not lost when the next claim fails."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._writer = csv.writer(file, dialect="excel-tab", lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def add(self, claimed: pb.ClaimedCase) -> None:
        self._writer.writerow(cells(claimed))
        self._file.flush()


def cells(claimed: pb.ClaimedCase) -> list[str]:
    """A case as the cells of its row; the first three are for the reader."""
    case = claimed.review_case
    before, heard, after = in_context(case)
    texts = [text_of(suggestion) for suggestion in case.suggestions[:SUGGESTIONS]]
    first = case.suggestions[0] if case.suggestions else pb.Suggestion()
    found = [
        *("", "", "", case.heard, f"{before}[{heard}]{after}", *texts, *[""] * (SUGGESTIONS - len(texts))),
        *(first.gloss, "; ".join(first.reasons), case.domain, where(case), ticket_of(claimed)),
    ]
    return [harmless(" ".join(cell.split())) for cell in found]


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def ticket_of(claimed: pb.ClaimedCase) -> str:
    """ "#678.4 heard": which claim a row is of."""
    number = claimed.review_case.name.removeprefix("reviewCases/")
    return f"#{number}.{claimed.lease.fencing_token} {' '.join(claimed.review_case.heard.split())}"


def read_sheet(path: Path) -> Iterator[Row | SheetUnreadable]:
    """The rows, and what is wrong with others. Raises SheetUnreadable where it is no such table, and OSError."""
    text = _text(path)
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=_delimiter(text))
    if missing := {"verdict", "correction", "note", "ticket"} - set(reader.fieldnames or ()):
        raise SheetUnreadable(f"{path} is no table that `shodhana review checkout` wrote: no column {min(missing)!r}")
    seen: dict[str, int] = {}
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            yield SheetUnreadable(f"line {line}: {error}")
            continue
        if record is None:
            return
        if not any(record.get(name) for name in COLUMNS):
            continue
        yield _row(record, line, seen)


def _row(record: dict[str, str | None], line: int, seen: dict[str, int]) -> Row | SheetUnreadable:
    verdict, text, note, ticket = (
        (record.get(name) or "").strip() for name in ("verdict", "correction", "note", "ticket")
    )
    match = _TICKET.match(ticket)
    if match is None:
        return SheetUnreadable(
            f"line {line}: the ticket {ticket!r} is damaged; copy it from the file as it was written"
        )
    if ticket in seen:
        return SheetUnreadable(f"line {line}: the same case as line {seen[ticket]}")
    seen[ticket] = line
    number, fence = match.groups()
    case = Ticket(f"reviewCases/{number}", ticket[match.end() :], int(fence))
    try:
        return Row(line, case, _answer(verdict.lower(), text, note, record))
    except SheetUnreadable as error:
        return SheetUnreadable(f"line {line}: {error}")


def _answer(verdict: str, text: str, note: str, record: dict[str, str | None]) -> Answer | None:
    word = WORDS.get(verdict, verdict) or ("correct" if text else "")
    if not word:
        return None
    if word not in VERDICTS:
        raise SheetUnreadable(f"the verdict {verdict!r} is none of {', '.join(VERDICTS)}")
    if word == "correct" and not text:
        raise SheetUnreadable("the verdict is correct, but the correction is empty")
    if word != "correct" and text:
        raise SheetUnreadable(f"the verdict is {word}, but there is a correction: {text!r}")
    if word.isdecimal() or word == "accept":
        return _suggested(int(word) if word.isdecimal() else 1, note, record)
    return Answer(word, text, note)


def _suggested(number: int, note: str, record: dict[str, str | None]) -> Answer:
    text = (record.get(f"suggestion {number}") or "").strip()
    if not text:
        raise SheetUnreadable(f"there is no suggestion {number}")
    if number == 1:
        return Answer("accept", "", note)
    return Answer("correct", text[1:] if text[1:] != harmless(text[1:]) else text, note)


def _text(path: Path) -> str:
    content = path.read_bytes()
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SheetUnreadable(f"{path} is not in UTF-8 (line {line}): save it as Unicode text") from error


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max("\t;,", key=head.count)
