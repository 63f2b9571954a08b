"""A field for text in which aa becomes ā and .t becomes ṭ as they are typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from shodhana.text.velthuis import after_key
from textual.binding import Binding
from textual.events import Key
from textual.widgets import Input

AfterKey = Callable[[str], str]


class IastField(Input):
    """Backspace gives back what was typed where a letter has just been made of it."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("enter", "submit", "Done"),
        Binding("escape", "app.leave_field", "Leave the field"),
    ]

    def __init__(self, after: AfterKey = after_key, **attributes: str) -> None:
        super().__init__(placeholder=attributes.get("placeholder", ""), id=attributes.get("id"))
        self._after = after
        self._made: tuple[str, str] | None = None
        """Text up to the cursor with the letter that was made, and without."""

    async def _on_key(self, event: Key) -> None:
        await super()._on_key(event)
        if event.is_printable:
            self._make()

    def action_delete_left(self) -> None:
        made, self._made = self._made, None
        if made is not None and made[0] == self._before:
            self._write(made[1])
        else:
            super().action_delete_left()

    @property
    def _before(self) -> str:
        return self.value[: self.cursor_position]

    def _make(self) -> None:
        typed = self._before
        made = self._after(typed)
        self._made = (made, typed) if made != typed else None
        if made != typed:
            self._write(made)

    def _write(self, before: str) -> None:
        self.value, self.cursor_position = before + self.value[self.cursor_position :], len(before)
