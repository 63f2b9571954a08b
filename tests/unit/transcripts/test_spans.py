"""Which places of a cue are looked up at all."""

from __future__ import annotations

import pytest
from shodhana.transcripts.domain.english import WordFrequencies
from shodhana.transcripts.domain.formats.model import Cue
from shodhana.transcripts.domain.spans import spans_of


def looked_up(text: str) -> set[str]:
    return {span.text for span in spans_of(Cue(1, 0, 1000, text, 0, len(text), 1), WordFrequencies())}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("the baki yoga", "baki"),
        ("brahma randhra opens", "brahma randhra"),
        ("he said go vinda softly", "go vinda"),
        ("then tat tvam asi was sung", "tat tvam asi"),
    ],
)
def test_a_term_of_any_length_is_looked_up(text: str, wanted: str) -> None:
    assert wanted in looked_up(text)


def test_plain_english_is_not_looked_up() -> None:
    assert looked_up("We will have some water and then we can sit down.") == set()


def test_grammar_neither_begins_nor_ends_a_long_run() -> None:
    found = looked_up("and the kundalini is rising")
    assert "kundalini" in found
    assert not [text for text in found if len(text.split()) > 2 and {text.split()[0], text.split()[-1]} & {"the", "is"}]


def test_words_are_not_joined_over_punctuation() -> None:
    assert "brahma, randhra" not in looked_up("brahma, randhra")
