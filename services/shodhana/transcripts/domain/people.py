"""People who are called like a term: "my friend Maya" is nobody's illusion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from .formats import Cue
from .matcher import Decision, Status

REASON = "may be a person's name here"
_TITLE = r"\b(?:Mr|Mrs|Ms|Dr|Prof|Professor)\b\.?"
_OURS = (
    r"\b(?:my|our|your)\s+(?:\w+\s+)?(?:friend|daughter|son|brother|sister|wife|husband|uncle|aunt|cousin|niece|nephew"
    r"|mother|father|student|colleague|neighbou?r)\b,?"
)
_INTRODUCED = re.compile(rf"(?:{_TITLE}|{_OURS})\s+$", re.IGNORECASE)


def doubting_people(decisions: Sequence[Decision], cues: Sequence[Cue]) -> list[Decision]:
    """The same, but a name that a title or "my friend" goes before is only suggested.

    Where else the talk has the name is not looked at: it may be of Mr. Krishna and of Kṛṣṇa.
    """
    texts = {cue.index: cue.text for cue in cues}
    return [_doubted(decision) if _is_person(decision, texts) else decision for decision in decisions]


def _is_person(decision: Decision, texts: dict[int, str]) -> bool:
    span = decision.span
    if decision.status is not Status.APPLIED or not span.text[:1].isupper():
        return False
    before = f"{texts.get(span.cue - 1, '')} {texts[span.cue][: span.start]}"
    return bool(_INTRODUCED.search(before))


def _doubted(decision: Decision) -> Decision:
    best = replace(decision.best, reasons=(*decision.best.reasons, REASON))
    return replace(decision, status=Status.SUGGESTED, ranked=(best, *decision.ranked[1:]))
