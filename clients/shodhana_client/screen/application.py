"""The screen of `shodhana review`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from shodhana.text.velthuis import after_key
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from ..commands.session import words_of
from ..errors import ShodhanaError
from ..review.answers import Answer, LeaseLost, chosen
from ..review.desk import HEARTBEAT_S, Desk, Held, NothingToUndo
from ..review.lines import DONE, MOST_SHOWN, standing
from . import case_view
from .help import HelpScreen
from .iast_field import IastField
from .style import CSS, FIELDS, HELP_IN_FIELD, KEYS, LIMIT_REACHED, LOOK_S, NO_CASE


class ReviewScreen(App[None]):
    """One case at a time. Calls are made beside it: the keys answer while the mesh is slow.

    Its keys have priority, so that each has done its work before the next is looked at: after a quick `c` the next
    letter is text. A field takes its letters all the same.
    """

    ENABLE_COMMAND_PALETTE = False
    TITLE = "shodhana review"
    CSS = CSS
    BINDINGS: ClassVar[list[Any]] = [
        Binding(key, action, label, key_display=shown, show=bool(label), priority=True)
        for key, action, label, shown in KEYS
    ]

    def __init__(self, desk: Desk, after: Callable[[str], str] = after_key) -> None:
        super().__init__()
        self._desk = desk
        self._after = after
        self._shown: Held | None = None
        self._typed: dict[str, dict[str, str]] = {}
        """What was written about cases that were shown, for whoever comes back to one."""
        self._is_busy = False
        self._may_leave = False

    def compose(self) -> ComposeResult:
        yield Static(id="progress")
        with Vertical(id="case"):
            yield Static(id="place")
            yield Static(id="context")
            yield OptionList(id="suggestions", markup=False)
            yield Static(id="reads")
        yield IastField(self._after, placeholder=HELP_IN_FIELD, id="correction")
        yield IastField(str, placeholder="n: a note, kept with the answer", id="note")
        yield Static(id="message", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        self._fill()
        self.set_interval(HEARTBEAT_S, self._beat)
        self.set_interval(LOOK_S, self._look)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return len(self.screen_stack) == 1 or not any(action in known for _, known, *_ in KEYS)

    def action_accept(self) -> None:
        number = (self._suggestions.highlighted or 0) + 1
        if self._shown is None or not self._shown.case.suggestions:
            self._tell("Nothing is suggested here: c corrects, x leaves it as heard." if self._shown else self._none)
            return
        self._send(chosen(self._shown.case, number))

    def action_choose(self, number: int) -> None:
        if number <= self._suggestions.option_count:
            self._suggestions.highlighted = number - 1

    def action_correct(self) -> None:
        self.set_focus(self._field("correction"))

    def action_note(self) -> None:
        self.set_focus(self._field("note"))

    def action_leave_field(self) -> None:
        self.set_focus(self._suggestions)

    def action_say(self, verdict: str) -> None:
        self._send(Answer(verdict))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "note":
            self.action_leave_field()
        elif event.value.strip():
            self._send(Answer("correct", event.value.strip()))
        else:
            self._tell("Type the right text first, or Escape.")

    def on_option_list_option_selected(self) -> None:
        self.action_accept()

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    def action_leave(self) -> None:
        if self._field("correction").value.strip() and not self._may_leave:
            self._may_leave = True
            self._tell("Your correction is not sent: c and Enter send it, q again leaves without it.")
            return
        self.exit()

    @work(group="calls")
    async def action_undo(self) -> None:
        if not self._begin():
            return
        try:
            await asyncio.to_thread(self._desk.undo)
            self._tell("Taken back.")
        except (NothingToUndo, LeaseLost) as error:
            self._tell(str(error))
        except ShodhanaError as error:
            self._tell(f"Not taken back: {words_of(error)}")
        finally:
            self._end()

    def _send(self, answer: Answer) -> None:
        if self._shown is None:
            self._tell(self._none)
        elif self._begin():
            note = self._field("note").value.strip()
            self._call(self._shown, Answer(answer.verdict, answer.text, note))

    @work(group="calls")
    async def _call(self, held: Held, answer: Answer) -> None:
        try:
            await asyncio.to_thread(self._desk.answer, held, answer)
            self._tell(f"{DONE[answer.verdict]}: {standing(held.case, answer)}. u takes it back.")
        except LeaseLost as error:
            self._tell(f"Not decided: {error}.")
        except ShodhanaError as error:
            self._tell(f"Not decided: {words_of(error)}. What you typed is still here.")
        finally:
            self._end()
        self._fill()

    @work(exclusive=True, group="fill")
    async def _fill(self) -> None:
        """Claims the next cases, and counts the queue."""
        try:
            await asyncio.to_thread(self._desk.fill)
            await asyncio.to_thread(self._desk.look)
        except ShodhanaError as error:
            self._tell(words_of(error))
        self._show()

    @work(exclusive=True, group="beat")
    async def _beat(self) -> None:
        with suppress(ShodhanaError):  # the next one tries again; an answer says what is wrong
            await asyncio.to_thread(self._desk.heartbeat)
        if (now := self._desk.current) is not None and now.is_lost:
            self._tell("This case is no longer yours. Send your answer all the same: it is kept as a draft.")

    def _look(self) -> None:
        if self._desk.following == 0:
            self._fill()
        else:
            self._show_progress()

    def _begin(self) -> bool:
        """Whether an answer may be sent now: one at a time, else a key pressed twice decides the next case too."""
        if self._is_busy:
            return False
        self._is_busy = True
        return True

    def _end(self) -> None:
        self._is_busy = False
        self._show()

    def _show(self) -> None:
        """The present case, where it is not there already."""
        self._show_progress()
        held = self._desk.current
        if held is self._shown and held is not None:
            return
        if self._shown is not None:
            self._typed[self._shown.case.name] = {name: self._field(name).value for name in FIELDS}
        self._shown = held
        typed = self._typed.get(held.case.name, {}) if held else {}
        for name in FIELDS:
            self._field(name).value = typed.get(name, "")
        self._may_leave = False
        self._suggestions.clear_options()
        self._write("place", case_view.place(held.case) if held else "")
        self._write("context", case_view.context(held.case) if held else self._none)
        self._write("reads", case_view.earlier_reads(held.case) if held else "")
        if held is not None:
            shown = range(1, min(MOST_SHOWN, len(held.case.suggestions)) + 1)
            self._suggestions.add_options(Option(case_view.suggestion(held.case, number)) for number in shown)
            self._suggestions.highlighted = 0 if shown else None
        self.set_focus(self._suggestions)

    def _show_progress(self) -> None:
        self._write("progress", case_view.progress(self._desk.progress, self._desk.following))

    def _tell(self, words: str) -> None:
        self._write("message", words)

    def _write(self, name: str, content: Any) -> None:
        self.query_one(f"#{name}", Static).update(content)

    def _field(self, name: str) -> Input:
        return self.query_one(f"#{name}", Input)

    @property
    def _none(self) -> str:
        return LIMIT_REACHED if self._desk.left == 0 else NO_CASE

    @property
    def _suggestions(self) -> OptionList:
        return self.query_one("#suggestions", OptionList)
