"""Fits the confidence of recognised verses: `python -m training.verses`, seconds.

Right are lines of the development texts as the noise model hears them, where the best recitation found is theirs.
Wrong are the others; lines of verses that an index lacks; and what is found in the development talks, which recite none
of these texts. The constants it prints stand in shodhana.similarity.domain.verse_index.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from shodhana.similarity.domain.importers import Provenance, parse
from shodhana.similarity.domain.lexicon import Verse
from shodhana.similarity.domain.verse_index import LETTERS_THAT_COUNT, Recitation, VerseIndex
from shodhana.sound.garble import garbler
from shodhana.sound.units import units_of_iast

from .talks import ASR

TEXTS = ("gita_verses.json", "yoga_sutra.tei.xml")
ROUGHNESSES = (0.3, 0.6, 0.9, 1.0)
SAME_WORDS = 0.9  # lines as alike as that are shared by verses, and not wrong
BINS = (0.0, 0.2, 0.5, 0.7, 0.9, 0.97, 1.01)
Sample = tuple[float, float, bool]
Numbers = NDArray[np.float64]


def main() -> None:
    chance = random.Random(7)
    verses = [verse for name in TEXTS for verse in _verses(name)]
    samples = [*_heard(verses, chance), *_lacking(verses, chance), *_talks(verses)]
    features = np.array([(similarity, letters, 1.0) for similarity, letters, _ in samples])
    right = np.array([is_right for *_, is_right in samples], float)
    weights = _fitted(features, right)
    print(f"{len(samples)} recitations, {int(right.sum())} of them right")
    print(f"PER_SIMILARITY {weights[0]:.1f}, PER_LETTER {weights[1]:.3f}, BIAS {weights[2]:.1f}")
    found = 1 / (1 + np.exp(-features @ weights))
    for low, high in itertools.pairwise(BINS):
        inside = (found >= low) & (found < high)
        print(
            f"{low:.2f}–{high:.2f}: {inside.sum():5d}, said {found[inside].mean():.3f}, is {right[inside].mean():.3f}"
        )


def _verses(name: str) -> Sequence[Verse]:
    return parse((ASR.parent / "lexicon" / name).read_bytes(), None, Provenance(name)).verses


def _heard(verses: Sequence[Verse], chance: random.Random) -> Iterator[Sample]:
    index = VerseIndex(verses)
    for roughness in ROUGHNESSES:
        found_count = right_count = 0
        for verse in verses:
            found = index.find(_garbled(chance.choice(verse.spoken), roughness, chance))
            is_right = bool(found) and verse.reference in {found[0].verse.reference, *found[0].alternatives}
            found_count, right_count = found_count + 1, right_count + is_right
            yield from (_sample(one, is_right) for one in found[:1])
        print(f"roughness {roughness}: {right_count / found_count:.3f} of {found_count} lines found")


def _lacking(verses: Sequence[Verse], chance: random.Random) -> Iterator[Sample]:
    index = VerseIndex(verses[::2])
    for verse in verses[1::2]:
        found = index.find(_garbled(chance.choice(verse.spoken), chance.random(), chance))
        yield from (_sample(one, False) for one in found[:1] if one.similarity < SAME_WORDS)


def _talks(verses: Sequence[Verse]) -> Iterator[Sample]:
    index = VerseIndex(verses)
    for path in sorted(ASR.glob("*.whisper.json")):
        cues = [segment["text"] for segment in json.loads(path.read_text())["segments"]]
        for start in range(0, len(cues), 3):
            yield from (_sample(one, False) for one in index.find(" ".join(cues[start : start + 3])))


def _garbled(line: str, roughness: float, chance: random.Random) -> str:
    """Words heard wrong, and cut where no border is."""
    ear = garbler(chance.randrange(1_000_000), roughness)
    pieces = []
    for word in line.replace("'", "").split():
        letters = ear.hear(units_of_iast(word))
        while len(letters) > 7 and chance.random() < 0.6:
            cut = chance.randint(3, len(letters) - 3)
            pieces.append(letters[:cut])
            letters = letters[cut:]
        pieces.append(letters)
    return " ".join(pieces)


def _sample(found: Recitation, is_right: bool) -> Sample:
    return found.similarity, min(found.letters, LETTERS_THAT_COUNT), is_right


def _fitted(features: Numbers, right: Numbers) -> Numbers:
    """Weights of a logistic function, by Newton's method."""
    centre = np.array([0.7, 20.0, 0.0])
    shifted, weights = features - centre, np.zeros(3)
    for _ in range(50):
        likely = 1 / (1 + np.exp(-shifted @ weights))
        curvature = shifted.T @ (shifted * (likely * (1 - likely))[:, None]) + 1e-6 * np.eye(3)
        weights += np.linalg.solve(curvature, shifted.T @ (right - likely))
    return np.array([weights[0], weights[1], weights[2] - centre @ weights])


if __name__ == "__main__":
    main()
