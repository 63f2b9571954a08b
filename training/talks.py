"""Recogniser output of talks aligned with their verified transcripts: which term was said where.

A verified word counts as a term where its popular fold is one of the glossary's and it is not plain English. A term is
found in the recogniser's text at the same word, or, where the texts differ, at the words that sound most like it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shodhana.similarity.domain.lexicon import Entry
from shodhana.sound.distance import sound_distance
from shodhana.sound.units import heard_letters, units_of_iast, units_of_popular
from shodhana.stack.places import PROJECT
from shodhana.text.fold import popular_fold
from shodhana.text.tokens import tokenize
from shodhana.transcripts.domain.english import WordFrequencies
from shodhana.transcripts.domain.formats import Limits, Transcript, parse

ASR = Path(os.environ.get("SHODHANA_SHARED", PROJECT.parent / "shared")) / "data" / "asr"
ENGLISH = 3.6  # Zipf frequency from which a verified word is read as English
UNLIKE = 1.25  # nats a letter: what was heard there was something else
MAX_REPLACED = 8  # words on either side of a difference that is still looked into
MAX_WORDS = 3
Place = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the recogniser's text and its place: cue, start, end."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Said:
    """What was said at some words: one of these terms (several where they share a spelling)."""

    cue: int
    start: int
    end: int
    heard: str
    terms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Talk:
    """A recording: the recogniser's file, the terms said in it, and the places whose words are known for sure."""

    name: str
    content: bytes
    transcript: Transcript
    verified: str
    said: tuple[Said, ...]
    known: frozenset[Place]


class TermWords:
    """The glossary by popular fold."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._terms: dict[str, set[str]] = {}
        self._sounds: dict[str, list[tuple[str, ...]]] = {}
        for entry in entries:
            for fold, spelling in entry.forms.items():
                self._terms.setdefault(fold, set()).add(entry.term)
                units = units_of_popular(spelling) if spelling in entry.aliases else units_of_iast(spelling)
                self._sounds.setdefault(entry.term, []).append(units)

    def terms(self, words: str) -> frozenset[str]:
        """The terms that the words spell; none for plain English."""
        base = words.casefold().replace("’", "'").removesuffix("'s")
        if " " not in words and WordFrequencies.frequency(base) >= ENGLISH:
            return frozenset()
        for reading in (base, base.removesuffix("s") if len(base) > 4 else base):
            if found := self._terms.get(popular_fold(reading)):
                return frozenset(found)
        return frozenset()

    def unlikeness(self, heard: str, terms: frozenset[str]) -> float:
        """Nats a letter that the nearest of the terms was heard so."""
        sounds = [units for term in terms for units in self._sounds[term]]
        return float(min(sound_distance().costs([heard] * len(sounds), sounds)) / len(heard_letters(heard)))


def talks(entries: Sequence[Entry]) -> Iterator[Talk]:
    """Every recording that has a verified transcript."""
    words = TermWords(entries)
    for path in sorted(ASR.glob("*.whisper.json")):
        verified = path.with_name(path.name.split("_part")[0] + ".verified.txt")
        if verified.exists():
            yield aligned(path.name.split(".")[0], path.read_bytes(), verified.read_text(encoding="utf-8"), words)


def aligned(name: str, content: bytes, verified: str, words: TermWords) -> Talk:
    """A talk with its terms in their places."""
    transcript = parse(content, f"{name}.whisper.json", None, Limits())
    heard = [
        Word(token.text, (cue.index, token.start, token.end)) for cue in transcript.cues for token in tokenize(cue.text)
    ]
    right = [token.text for token in tokenize(verified)]
    matcher = difflib.SequenceMatcher(None, _folds([word.text for word in heard]), _folds(right), autojunk=False)
    said: list[Said] = []
    known: set[Place] = set()
    for kind, first, last, right_first, right_last in matcher.get_opcodes():
        if kind == "equal":
            known.update(word.place for word in heard[first:last])
            pairs = zip(heard[first:last], right[right_first:right_last], strict=True)
            said += [_said([word], terms) for word, spelled in pairs if (terms := words.terms(spelled))]
        elif kind == "replace" and max(last - first, right_last - right_first) <= MAX_REPLACED:
            known.update(word.place for word in heard[first:last])
            said += _replaced(heard[first:last], right[right_first:right_last], words)
    return Talk(name, content, transcript, verified, tuple(said), frozenset(known))


def _replaced(heard: Sequence[Word], right: Sequence[str], words: TermWords) -> Iterator[Said]:
    taken: set[Place] = set()
    for terms in _terms_of(right, words):
        runs = [
            heard[at : at + count]
            for at in range(len(heard))
            for count in range(1, MAX_WORDS + 1)
            if at + count <= len(heard) and heard[at].place[0] == heard[at + count - 1].place[0]
        ]
        free = [run for run in runs if not any(word.place in taken for word in run)]
        costs = [words.unlikeness(" ".join(word.text for word in run), terms) for run in free]
        if costs and min(costs) < UNLIKE:
            run = free[costs.index(min(costs))]
            taken.update(word.place for word in run)
            yield _said(run, terms)


def _terms_of(right: Sequence[str], words: TermWords) -> Iterator[frozenset[str]]:
    at = 0
    while at < len(right):
        pair = words.terms(" ".join(right[at : at + 2])) if at + 1 < len(right) else frozenset()
        terms = pair or words.terms(right[at])
        if terms:
            yield terms
        at += 2 if pair else 1


def _said(run: Sequence[Word], terms: frozenset[str]) -> Said:
    cue, start, _ = run[0].place
    return Said(cue, start, run[-1].place[2], " ".join(word.text for word in run), terms)


def _folds(words: Sequence[str]) -> list[str]:
    return [popular_fold(word) or word for word in words]


def word_pairs() -> Mapping[str, list[tuple[str, str, str]]]:
    """(heard, right, context) of the development pairs, by set."""
    sets: dict[str, list[tuple[str, str, str]]] = {"whisper talks": [], "raw lecture": [], "popular spellings": []}
    for line in (ASR / "whisper_terms_dev.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            heard, right = line.split("\t")[:2]
            sets["whisper talks"].append((heard, right, ""))
    for line in (ASR / "lecture_terms_dev.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            heard, right, source, context = [*line.split("\t"), "", ""][:4]
            sets["raw lecture" if source == "BG0330" else "popular spellings"].append((heard, right, context))
    return sets
