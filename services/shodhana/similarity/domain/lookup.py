"""One version loaded for searching by spelling: exact terms, aliases and lexical similarity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

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
        for entry in entries:
            self._by_term.setdefault(nfc(entry.term).casefold(), []).append(entry.entry_id)
            for fold in entry.forms:
                self._by_form.setdefault(fold, []).append(entry.entry_id)
                forms.append((entry.entry_id, fold))
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
