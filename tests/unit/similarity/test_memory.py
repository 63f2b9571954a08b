"""Forms that were heard lately are not compared again when their context is asked for."""

from __future__ import annotations

from shodhana.similarity.domain.memory import LegMemory
from shodhana.similarity.domain.query import Mode
from shodhana.similarity.domain.ranking import Legs

WAY = ("phonetic@1", Mode.HYBRID, 30)


def test_what_was_found_in_another_way_is_not_known() -> None:
    memory = LegMemory()
    memory.keep({"baki": Legs(lexical={1: 0.5})}, WAY)
    assert memory.known(["baki", "dhyan"], WAY) == {"baki": Legs(lexical={1: 0.5})}
    assert memory.known(["baki"], ("phonetic@2", Mode.HYBRID, 30)) == {}


def test_the_oldest_is_forgotten() -> None:
    memory = LegMemory(most=2)
    for word in ("baki", "dhyan", "ghan"):
        memory.keep({word: Legs()}, WAY)
    assert list(memory.known(["baki", "dhyan", "ghan"], WAY)) == ["dhyan", "ghan"]
