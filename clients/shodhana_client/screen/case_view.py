"""How a case looks on the screen: marks and words, not colour alone."""

from __future__ import annotations

from rich.console import Group
from rich.padding import Padding
from rich.text import Text
from shodhana.api.review.v1 import review_pb2 as pb

from ..review.case_text import changes, due, in_context, read_before, reasons_of, text_of, where
from ..review.desk import Progress
from ..review.lines import DONE
from ..shares import hundredths

STYLES = {"=": "", "-": "strike red", "+": "underline bold green"}


def place(case: pb.ReviewCase) -> Text:
    """Where it was heard, and by when it should be decided."""
    return Text(f"{where(case)} · {case.domain} · {due(case)}", style="dim")


def context(case: pb.ReviewCase) -> Text:
    """The words around, those heard in brackets."""
    before, heard, after = in_context(case)
    return Text.assemble(before, (f"[{heard}]", "bold reverse"), after)


def suggestion(case: pb.ReviewCase, number: int) -> Group:
    """A suggestion with its change and its reasons; Devanagari has a line of its own, since its width is a guess."""
    one = case.suggestions[number - 1]
    head = Text.assemble(f"{number}  ", (text_of(one), "bold"), f"  {hundredths(one.probability)}  {one.gloss}")
    below = [change(case.heard, text_of(one)), Text("; ".join(reasons_of(one)), style="dim")]
    if one.devanagari:
        below.insert(0, Text(one.devanagari))
    return Group(head, Padding(Group(*below), (0, 0, 1, 3)))


def change(heard: str, text: str) -> Text:
    """What goes struck, what comes underlined."""
    return Text.assemble(*((part, STYLES[kind]) for kind, part in changes(heard, text)))


def earlier_reads(case: pb.ReviewCase) -> Text:
    """What the readers that disagree decided."""
    return Text("\n".join(f"read before by {line}" for line in read_before(case)), style="bold")


def progress(now: Progress, following: int) -> Text:
    """The queue and the reviewer's own work."""
    here = ", ".join(f"{count} {DONE[verdict]}" for verdict, count in now.here.items() if count) or "nothing yet"
    overdue = f" ({now.overdue} overdue)" if now.overdue else ""
    return Text(f"{now.waiting} wait{overdue} · {following} more in hand · you: {here}; {now.last_day} in the last day")
