"""Keys under which cases are found again by what was heard: the very words, and words that sound alike."""

from __future__ import annotations

from collections.abc import Iterable

from shodhana.text.fold import popular_fold, sound_key
from shodhana.text.stems import spoken_forms

SAME, ALIKE = "=", "~"
LEAST_SOUNDS = 3  # a shorter sound key says too little to leave a sound out of it


def segment_keys(heard: str) -> frozenset[str]:
    """All keys of heard words: two that differ in up to two sounds share one."""
    fold = popular_fold(heard)
    return (
        frozenset({same_words_key(heard), *(ALIKE + key for key in _variants(sound_key(fold)))})
        if fold
        else frozenset()
    )


def same_words_key(heard: str) -> str:
    """The key of the very words, in any popular spelling."""
    return SAME + popular_fold(heard)


def affected_keys(term: str, heard: str) -> frozenset[str]:
    """The keys of the cases that a term with a new spelling may concern."""
    return frozenset().union(*(segment_keys(form) for form in _forms(term, heard)))


def _forms(term: str, heard: str) -> Iterable[str]:
    return (heard, term, *spoken_forms(term)) if term else (heard,)


def _variants(sounds: str) -> set[str]:
    """The sounds, and the sounds without each of them in turn."""
    if len(sounds) < LEAST_SOUNDS:
        return {sounds}
    return {sounds, *(sounds[:place] + sounds[place + 1 :] for place in range(len(sounds)))}
