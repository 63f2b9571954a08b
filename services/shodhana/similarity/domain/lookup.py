"""One version loaded for searching by spelling: exact terms, aliases and lexical similarity."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from shodhana.sound.distance import sound_distance
from shodhana.sound.units import heard_letters, units_of_iast, units_of_popular
from shodhana.text.fold import popular_fold, sound_key
from shodhana.text.normalize import nfc

from .lexicon import Entry, EntryNotFound, Version

FOLD_SHARE, SOUND_SHARE = 0.75, 0.25  # of the lexical similarity
BLOCK_CELLS = 4_000_000  # words × forms compared at a time: 32 MB


class LoadedVersion:
    """A version's entries by number, term, fold and alias; and the forms that lexical similarity compares with."""

    def __init__(self, version: Version, entries: Sequence[Entry]) -> None:
        self.version = version
        self.entries = {entry.entry_id: entry for entry in entries}
        self._by_term: dict[str, list[int]] = {}
        self._by_form: dict[str, list[int]] = {}
        forms: list[tuple[int, str]] = []
        self._units: list[tuple[str, ...]] = []
        self._forms_of: dict[int, list[int]] = {}
        for entry in entries:
            self._by_term.setdefault(nfc(entry.term).casefold(), []).append(entry.entry_id)
            for fold, spelling in entry.forms.items():
                self._by_form.setdefault(fold, []).append(entry.entry_id)
                self._forms_of.setdefault(entry.entry_id, []).append(len(forms))
                forms.append((entry.entry_id, fold))
                is_popular = spelling in entry.aliases
                self._units.append(units_of_popular(spelling) if is_popular else units_of_iast(spelling))
        self.form_entries: NDArray[np.int64] = np.array([entry_id for entry_id, _ in forms], np.int64)
        self.folds = [fold for _, fold in forms]
        self._sounds = [sound_key(fold) for fold in self.folds]

    def exact(self, heard: str) -> list[int]:
        """Entries whose term is spelled so, but for capitals."""
        return self._by_term.get(nfc(heard).casefold(), [])

    def aliases(self, heard: str) -> list[int]:
        """Entries of which a term or alias has the same popular fold."""
        return self._by_form.get(popular_fold(heard), [])

    def lexical(self, heard: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """For each word its similarities with the forms, 0 to 1: edit similarity of folds, and of sound keys."""
        block = max(1, BLOCK_CELLS // max(1, len(self.folds)))
        for start in range(0, len(heard), block):
            yield from self._similarities(heard[start : start + block])

    def sounds(self, heard: Sequence[str], entries: Sequence[Iterable[int]]) -> list[dict[int, float]]:
        """For each word, how likely each of some entries is to be heard so, 0 to 1: the weight of the best alignment
        of its sounds, a letter."""
        places = [
            (at, entry_id, form)
            for at, wanted in enumerate(entries)
            for entry_id in wanted
            for form in self._forms_of[entry_id]
        ]
        costs = sound_distance().costs([heard[at] for at, _, _ in places], [self._units[form] for _, _, form in places])
        found: list[dict[int, float]] = [{} for _ in heard]
        for (at, entry_id, _), cost in zip(places, costs.tolist(), strict=True):
            likeness = math.exp(-cost / len(heard_letters(heard[at])))
            found[at][entry_id] = max(likeness, found[at].get(entry_id, 0.0))
        return found

    def _similarities(self, heard: Sequence[str]) -> NDArray[np.float32]:
        folds = [popular_fold(word) for word in heard]
        sounds = [sound_key(word) for word in heard]
        by_fold = process.cdist(folds, self.folds, scorer=fuzz.ratio, dtype=np.float32)
        by_sound = process.cdist(sounds, self._sounds, scorer=fuzz.ratio, dtype=np.float32)
        return np.asarray((FOLD_SHARE * by_fold + SOUND_SHARE * by_sound) / 100, np.float32)

    def by_name(self, word: str) -> Entry:
        """The entry of a term in IAST, or of a popular spelling. Raises EntryNotFound."""
        found = self.exact(word) or self.aliases(word)
        if not found:
            raise EntryNotFound(f"no entry {word!r} in {self.version.name}")
        return self.entries[found[0]]
