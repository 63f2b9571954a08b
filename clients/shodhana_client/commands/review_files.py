"""`shodhana review checkout` and `apply`: reviewing away from the mesh."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.text.velthuis import typed

from ..client import Client
from ..errors import Conflict, InvalidRequest, NotFound, ShodhanaError
from ..review.answers import Answer, LeaseLost, claim, send
from ..review.case_text import is_decided
from ..review.desk import HELD_AT_ONCE, Wanted
from ..review.lines import DONE
from ..review.sheet import Row, Sheet, SheetUnreadable, read_sheet
from ..terminal import Bar
from .session import EXIT_ERROR, EXIT_OK, complain, connected

HOUR_S = 3600
MOST_CASES = 1000
APPLIED = "applied before"


def check_out(path: Path, wanted: Wanted, hours: int, profile: Path | None) -> int:
    """Claims cases and writes them to a new file; 1 where none waits."""
    with path.open("x", encoding="utf-8-sig", newline="") as file:
        count = 0
        try:
            with connected(profile) as client:
                sheet = Sheet(file)
                for one in _claimed(client, wanted, hours):
                    sheet.add(one)
                    count += 1
        finally:
            if count == 0:
                path.unlink()
    if count == 0:
        print("no case waits for you", file=sys.stderr)
        return EXIT_ERROR
    print(f"{count} cases in {path}, yours for {hours} hours. Fill in verdict, correction and note, then:")
    print(f"  shodhana review apply {path}")
    return EXIT_OK


def _claimed(client: Client, wanted: Wanted, hours: int) -> Iterator[pb.ClaimedCase]:
    """As many as are wanted and wait, a few at a time: what is written is held, and what is held is written."""
    more = {"include_escalated": True, "include_disputed": True} if wanted.with_escalated else {}
    left = wanted.most or HELD_AT_ONCE
    while left > 0:
        count = min(HELD_AT_ONCE, left)
        found = claim(client, hours * HOUR_S, count=count, domains=wanted.domains, **more)
        yield from found
        left = left - len(found) if len(found) == count else 0


def apply(path: Path, only_check: bool, as_typed: bool, profile: Path | None) -> int:
    """Sends what is filled in; 1 where a row could not be read or decided."""
    try:
        found = list(read_sheet(path))
    except SheetUnreadable as error:
        complain(error)
        return EXIT_ERROR
    rows = [row if as_typed else converted(row) for row in found if isinstance(row, Row) and row.answer]
    empty = sum(isinstance(row, Row) and row.answer is None for row in found)
    unreadable = [row for row in found if isinstance(row, SheetUnreadable)]
    for damage in unreadable:
        complain(damage)
    if only_check:
        print(f"{len(rows)} rows can be sent, {empty} are empty, {len(unreadable)} cannot be read")
        return EXIT_ERROR if unreadable else EXIT_OK
    done: Counter[str] = Counter()
    with connected(profile) as client, Bar("deciding", len(rows)) as bar:
        before = _decided(client, rows)
        for number, (row, verdict) in enumerate(zip(rows, _sent(client, rows, bar), strict=True), 1):
            done[APPLIED if verdict and row.ticket.case in before else verdict] += 1
            bar.show(number)
    refused = done.pop("", 0) + len(unreadable)
    here = ", ".join(f"{count} {DONE.get(verdict, verdict)}" for verdict, count in done.items())
    print(f"{here or 'nothing decided'}; {empty} empty, {refused} refused")
    return EXIT_ERROR if refused else EXIT_OK


def _decided(client: Client, rows: Sequence[Row]) -> set[str]:
    """Cases that were decided before: an answer to one of them that is taken all the same is the one it had."""
    names = list(dict.fromkeys(row.ticket.case for row in rows))
    parts = (names[start : start + MOST_CASES] for start in range(0, len(names), MOST_CASES))
    pages = (client.review.BatchGetCases(pb.BatchGetCasesRequest(names=part)).cases for part in parts)
    return {case.name for cases in pages for case in cases if is_decided(case)}


def converted(row: Row) -> Row:
    """With what is typed in Velthuis' way in IAST; said, since it is not what stands in the file."""
    if row.answer is None or row.answer.verdict != "correct":
        return row
    text = typed(row.answer.text)
    if text != row.answer.text:
        print(f"line {row.line}: {row.answer.text} is read as {text}")
    return replace(row, answer=replace(row.answer, text=text))


def _sent(client: Client, rows: Sequence[Row], bar: Bar) -> Iterator[str]:
    """The verdict of each row that was decided; empty for one that was refused.

    What concerns one row stops no other; where the mesh itself fails, the rest is left: applying again sends it.
    """
    for row in rows:
        answer: Answer | None = row.answer
        assert answer is not None, "rows without an answer are left out"
        try:
            send(client, row.ticket, answer)
        except (LeaseLost, Conflict, InvalidRequest, NotFound) as error:
            bar.clear()
            complain(error, f"line {row.line}, {row.ticket.heard}")
            yield ""
        except ShodhanaError as error:
            bar.clear()
            complain(error, f"line {row.line}, {row.ticket.heard}")
            print("the rest was not sent: apply the file again", file=sys.stderr)
            raise
        else:
            yield answer.verdict
