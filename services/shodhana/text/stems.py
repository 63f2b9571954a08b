"""The forms in which stems are spoken: sākṣin is heard as sākṣī, karman as karma, āyus as āyu."""

from __future__ import annotations

from shodhana.text.normalize import nfc

_SPOKEN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("vat", ("vān",)),
    ("mat", ("mān",)),
    ("an", ("a", "ā")),
    ("in", ("ī", "i")),
    ("as", ("a",)),
    ("us", ("u",)),
    ("is", ("i",)),
    ("tṛ", ("tā",)),
)
_MIN_STEM = 2  # letters before the ending


def spoken_forms(lemma: str) -> tuple[str, ...]:
    """Nominatives and bare stems of a lemma that ends in a consonant or ṛ, without the lemma itself; mostly none."""
    word = nfc(lemma)
    for ending, spoken in _SPOKEN:
        if word.endswith(ending) and len(word) >= len(ending) + _MIN_STEM:
            return tuple(word.removesuffix(ending) + replacement for replacement in spoken)
    return ()
