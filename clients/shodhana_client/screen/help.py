"""The list of keys."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = """\
 ↑ ↓, 1 to 5   choose among the suggestions
 a             accept the chosen suggestion
 c             correct: type the right text; Enter sends it, Escape leaves the field
 x             reject: what was heard is right
 s             skip: somebody else may decide; the case goes to the end of the queue
 e             escalate: a senior expert has to decide
 n             note, kept with the answer that follows
 u             undo your last answer
 q             quit; the cases you hold go back to the queue

 In the field for the right text

 aa ii uu   ā ī ū          .r .rr .l .ll   ṛ ṝ ḷ ḹ
 .t .d .n   ṭ ḍ ṇ          "n ~n .m .h     ṅ ñ ṃ ḥ
 "s .s      ś ṣ            Backspace       gives back what you typed

 Any key closes this."""


class HelpScreen(ModalScreen[None]):
    """Closed by any key."""

    CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll { width: 90; max-width: 100%; height: auto; max-height: 100%; }
    HelpScreen VerticalScroll { border: round $primary; background: $surface; padding: 1 2; }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(KEYS, markup=False)

    def on_key(self, event: Key) -> None:
        event.stop()
        self.dismiss()
