"""What a case says, in words: for the screen, for lines and for files alike."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from difflib import SequenceMatcher

from shodhana.api.review.v1 import review_pb2 as pb

from ..page import clock

LEAST_ALIKE = 0.4
"""Below, a change is shown whole: letters by chance alike help no reader."""
LINE_END = re.compile("[\r\n]")  # one letter for one: places in the text hold
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
Part = tuple[str, str]


def where(case: pb.ReviewCase) -> str:
    """ "talk.srt, cue 12 at 0:03:14"."""
    cue = f", cue {case.cue}" if case.cue else ""
    at = f" at {clock(case.start_ms)}" if case.HasField("start_ms") else ""
    return f"{case.filename or 'no file'}{cue}{at}"


def due(case: pb.ReviewCase, now: float | None = None) -> str:
    """ "due in 2 days", or how long it is overdue."""
    left_s = case.due_time.seconds - (time.time() if now is None else now)
    return f"due in {span(left_s)}" if left_s >= 0 else f"overdue by {span(-left_s)}"


def when(case: pb.ReviewCase, now: float | None = None) -> str:
    """ "decided 3 hours ago" of a case whose decision stands, else when it is due; empty of one that nobody decides."""
    if is_decided(case):
        return f"decided {span((time.time() if now is None else now) - case.decision.create_time.seconds)} ago"
    return "" if case.state == pb.CASE_STATE_WITHDRAWN else due(case, now)


def is_decided(case: pb.ReviewCase) -> bool:
    """Whether a decision stands that ended it."""
    return case.state in (pb.CASE_STATE_APPROVED, pb.CASE_STATE_REJECTED) and case.HasField("decision")


def stands(case: pb.ReviewCase) -> str:
    """What was decided to stand there, else what is suggested first."""
    if is_decided(case):
        return case.decision.decided_text or case.heard
    return text_of(case.suggestions[0]) if case.suggestions else ""


def span(seconds: float) -> str:
    """A time in its largest unit: "3 hours"."""
    for unit_s, word in UNITS:
        if seconds >= unit_s:
            count = int(seconds // unit_s)
            return f"{count} {word}{'' if count == 1 else 's'}"
    return "less than a minute"


def in_context(case: pb.ReviewCase) -> tuple[str, str, str]:
    """The words before, those heard, and the words after, in one line."""
    text, start, end = LINE_END.sub(" ", case.context), case.context_start, case.context_end
    if not 0 <= start < end <= len(text):
        return "", LINE_END.sub(" ", case.heard), ""
    return text[:start], text[start:end], text[end:]


def text_of(suggestion: pb.Suggestion) -> str:
    """What would stand there."""
    return suggestion.text or suggestion.term


def reasons_of(suggestion: pb.Suggestion) -> list[str]:
    """Why, but for what its gloss says already: that of a verse names it."""
    return [reason for reason in suggestion.reasons if reason != suggestion.gloss]


def changes(heard: str, text: str) -> Iterator[Part]:
    """The letters that stay ("="), go ("-") and come ("+"), in their order."""
    heard = LINE_END.sub(" ", heard)
    matcher = SequenceMatcher(None, heard, text, autojunk=False)
    if matcher.ratio() < LEAST_ALIKE:
        yield from (("-", heard), ("+", text))
        return
    for kind, from_start, from_end, to_start, to_end in matcher.get_opcodes():
        if kind == "equal":
            yield "=", heard[from_start:from_end]
            continue
        if from_end > from_start:
            yield "-", heard[from_start:from_end]
        if to_end > to_start:
            yield "+", text[to_start:to_end]


def marked_changes(heard: str, text: str) -> str:
    """The changes in one line, without colours: pr[-aa-]{+āra+}b{+dh+}a."""
    signs = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
    return "".join(signs[kind].format(part) for kind, part in changes(heard, text))


def read_before(case: pb.ReviewCase) -> Iterator[str]:
    """What its two readers decided, for whoever settles it."""
    for decision in case.reads:
        verdict = pb.Verdict.Name(decision.verdict).removeprefix("VERDICT_").lower()
        text = f" {decision.decided_text}" if decision.decided_text else ""
        note = f" ({decision.comment})" if decision.comment else ""
        yield f"{decision.expert}: {verdict}{text}{note}"
