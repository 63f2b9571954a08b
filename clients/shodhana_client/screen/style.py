"""What the screen of `shodhana review` looks like, what it says, and its keys."""

from __future__ import annotations

from ..review.lines import MOST_SHOWN

LOOK_S = 15.0
NO_CASE = "No case waits for you. New ones appear here by themselves; q quits."
LIMIT_REACHED = "The limit is reached. q quits."
HELP_IN_FIELD = 'c: the right text (aa → ā, .t → ṭ, "s → ś); Enter sends it'
FIELDS = ("correction", "note")
KEYS = (
    ("a", "accept", "Accept", None),
    ("c", "correct", "Correct", None),
    ("x", "say('reject')", "Reject", None),
    ("s", "say('skip')", "Skip", None),
    ("e", "say('escalate')", "Escalate", None),
    ("n", "note", "Note", None),
    ("u", "undo", "Undo", None),
    ("question_mark", "help", "Help", "?"),
    ("q", "leave", "Quit", None),
    *((str(number), f"choose({number})", "", None) for number in range(1, MOST_SHOWN + 1)),
)

CSS = """
#progress { background: $boost; padding: 0 1; }
#case { padding: 0 1; height: 1fr; }
#context { padding: 1 0; max-height: 40%; }
#suggestions { border: none; height: 1fr; padding: 0; background: transparent; scrollbar-size-vertical: 1; }
#suggestions > .option-list--option-highlighted { background: $boost; text-style: none; }
#suggestions:focus > .option-list--option-highlighted { background: $primary-muted; text-style: none; }
#message { padding: 0 1; min-height: 1; height: auto; }
Input, Input:focus { border: none; height: 1; padding: 0 1; margin: 0 0 1 0; }
Input { border-left: thick $surface-lighten-2; }
Input:focus { border-left: thick $accent; }
"""
