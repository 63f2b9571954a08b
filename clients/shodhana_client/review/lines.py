"""`shodhana review --line`: one case after another, a question and an answer; also for pipes and screen readers."""

from __future__ import annotations

import shutil
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.text.velthuis import typed

from ..commands.session import EXIT_OK, complain
from ..errors import ShodhanaError
from ..shares import hundredths
from ..terminal import BOLD, PLAIN, has_style
from .answers import Answer, LeaseLost, chosen
from .case_text import in_context, marked_changes, read_before, reasons_of, text_of, when, where
from .desk import HEARTBEAT_S, Desk, Held, NothingToUndo

MOST_SHOWN = 5
DONE = {"accept": "accepted", "correct": "corrected", "reject": "left as heard", "skip": "skipped"}
DONE["escalate"] = "handed to a senior expert"
LETTERS = {"x": "reject", "s": "skip", "e": "escalate"}
HELP = """\
a        accept the first suggestion
1 to 5   take the suggestion of that number
c        correct: type the right text (aa is read as ā, .t as ṭ, "s as ś), or `c TEXT` at once
x        reject: what was heard is right
s        skip: somebody else may decide
e        escalate: a senior expert has to decide
n TEXT   note, kept with the answer that follows
u        undo: take your last answer back
q        quit; the cases you hold go back to the queue
?        this list"""


class Reviewing:
    """A round of questions at one desk."""

    def __init__(self, desk: Desk, read: Callable[[str], str] = typed) -> None:
        self._desk = desk
        self._read = read
        self._note = ""

    def run(self) -> int:
        """Until no case waits, the limit is reached, or the reviewer has had enough."""
        held: Held | None = None
        try:
            with suppress(EOFError, StopIteration), beating(self._desk):
                while (held := self._next(held)) is not None:
                    pass
            self._say(f"\n{farewell(self._desk)}")
        finally:
            self._desk.leave()
        return EXIT_OK

    def _next(self, last: Held | None) -> Held | None:
        """Shows the case where it is another than the last, and takes one line about it."""
        if self._desk.following == 0:
            self._desk.fill()
            self._desk.look()
        held = self._desk.current
        if held is None:
            return self._last_word()
        if held is not last:
            self._note = ""
            self._say(f"\n{self._desk.progress.waiting} cases wait, you hold {self._desk.following + 1}.")
            for line in described(held.case):
                self._say(line)
        self._take(held, input(f"\nDecide [a,1-{MOST_SHOWN},c,x,s,e,n,u,q,?]? "))
        return held

    def _last_word(self) -> Held | None:
        """What is taken back after all, where no case is left."""
        if (
            self._desk.has_answered
            and input(f"\n{nothing_left(self._desk)}; u takes the last answer back, Enter ends: ") == "u"
        ):
            self._undo()
        return self._desk.current

    def _take(self, held: Held, line: str) -> None:
        word, _, rest = line.strip().partition(" ")
        if word == "q":
            raise StopIteration
        if word == "u":
            self._undo()
        elif word == "n":
            self._note = rest.strip()
            self._say(f"note: {self._note or 'none'}")
        elif (answer := self._answer(held.case, word, rest.strip())) is not None:
            self._send(held, answer)

    def _answer(self, case: pb.ReviewCase, word: str, text: str) -> Answer | None:
        """What a line says; None where it says nothing that could be sent."""
        if word == "a" or (word.isdecimal() and word.isascii()):
            number = 1 if word == "a" else int(word)
            if 1 <= number <= len(case.suggestions):
                found = chosen(case, number)
                return Answer(found.verdict, found.text, self._note)
            self._say(f"no suggestion {number} here; c takes the right text")
        elif word == "c":
            if right := self._read(text or input("Right text: ")).strip():
                self._say(f"read as {right}")
                return Answer("correct", right, self._note)
            self._say("nothing typed: not decided")
        elif word in LETTERS:
            return Answer(LETTERS[word], comment=self._note)
        else:
            self._say(HELP)
        return None

    def _send(self, held: Held, answer: Answer) -> None:
        try:
            self._desk.answer(held, answer)
        except LeaseLost as error:
            self._say(f"not decided: {error}")
        except ShodhanaError as error:
            complain(error, "not decided")
        else:
            self._say(f"{DONE[answer.verdict]}: {standing(held.case, answer)}. u takes it back.")

    def _undo(self) -> None:
        try:
            self._desk.undo()
        except (NothingToUndo, LeaseLost) as error:
            self._say(str(error))
        except ShodhanaError as error:
            complain(error, "not taken back")
        else:
            self._say("taken back")

    def _say(self, line: str) -> None:
        print("\n".join(map(in_width, line.split("\n"))), flush=True)


def in_width(line: str) -> str:
    """A line, on a terminal broken between words, each part indented as the first."""
    if not sys.stdout.isatty():
        return line
    indent = " " * (len(line) - len(line.lstrip()))
    columns = shutil.get_terminal_size().columns
    return "\n".join(textwrap.wrap(line, columns, subsequent_indent=indent, break_on_hyphens=False)) or line


def described(case: pb.ReviewCase) -> Iterator[str]:
    """A case, line by line."""
    before, heard, after = in_context(case)
    bold, plain = (BOLD, PLAIN) if has_style(sys.stdout) else ("", "")
    yield f"{case.name}: {where(case)}. {', '.join(filter(None, (case.domain, when(case))))}."
    yield f"  {before}[{bold}{heard}{plain}]{after}"
    for number, suggestion in enumerate(case.suggestions[:MOST_SHOWN], 1):
        gloss = f": {suggestion.gloss}" if suggestion.gloss else ""
        text = text_of(suggestion)
        yield f"{number}. {bold}{text}{plain}, probability {hundredths(suggestion.probability)}{gloss}"
        if suggestion.devanagari:
            yield f"   {suggestion.devanagari}"
        yield f"   change: {marked_changes(case.heard, text)}"
        if reasons := reasons_of(suggestion):
            yield f"   why: {'; '.join(reasons)}"
    if not case.suggestions:
        yield "Nothing is suggested."
    for read in read_before(case):
        yield f"read before by {read}"


def standing(case: pb.ReviewCase, answer: Answer) -> str:
    """What stands there after an answer."""
    heard = in_context(case)[1]
    if answer.verdict == "accept":
        return f"{heard} → {text_of(case.suggestions[0])}"
    return f"{heard} → {answer.text}" if answer.text else heard


def farewell(desk: Desk) -> str:
    """What was done here, and what waits."""
    here = ", ".join(f"{count} {DONE[verdict]}" for verdict, count in desk.progress.here.items() if count)
    rest = "the others are back in the queue" if desk.current is not None else nothing_left(desk)
    return f"{here or 'nothing decided'}; {rest}"


def nothing_left(desk: Desk) -> str:
    """Why there is no case to read."""
    return "the limit is reached" if desk.left == 0 else "no case waits for you"


@contextmanager
def beating(desk: Desk, every_s: float = HEARTBEAT_S) -> Iterator[None]:
    """Keeps the leases while a reviewer thinks."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(every_s):
            with suppress(ShodhanaError):  # the next one tries again; an answer says what is wrong
                for name in desk.heartbeat():
                    print(f"\n{name} is no longer yours; an answer to it is kept as a draft", file=sys.stderr)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(1)
