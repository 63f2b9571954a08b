"""JSON of Whisper, WhisperX and faster-whisper: segments with times, perhaps words with times and probabilities."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from .decoding import refuse
from .json_strings import string_places
from .model import BrokenTranscript, Cue, Word

Path = tuple[str | int, ...]
Places = dict[Path, tuple[int, int]]


def parse(source: str) -> list[Cue]:
    """The segments. Raises BrokenTranscript with the line."""
    try:
        document = json.loads(source, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise BrokenTranscript(error.lineno, f"not readable as JSON: {error.msg}") from error
    except RecursionError as error:
        raise BrokenTranscript(1, "the JSON is nested too deeply") from error
    except ValueError as error:  # a number of thousands of digits
        raise BrokenTranscript(1, f"not readable as JSON: {error}") from error
    root, segments = _segments(document)
    places = string_places(source)
    encode = _encoder(source)
    return [_cue(number, segment, (*root, number), places, source, encode) for number, segment in enumerate(segments)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ: of two that are the same, nobody could say which stands where in the file."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise BrokenTranscript(1, f"not readable as JSON: the key {twice[:30]!r} stands twice in one object")
    return found


def _segments(document: Any) -> tuple[Path, list[Any]]:
    segments = document.get("segments") if isinstance(document, dict) else document
    if not isinstance(segments, list):
        raise BrokenTranscript(1, 'no list "segments": is this the JSON of a speech recogniser?')
    return (("segments",) if isinstance(document, dict) else ()), segments


def _cue(number: int, segment: Any, path: Path, places: Places, source: str, encode: Callable[[str], str]) -> Cue:
    place = places.get((*path, "text"))
    if not isinstance(segment, dict) or place is None:
        raise BrokenTranscript(1, f'segment {number} has no "text"')
    line = source.count("\n", 0, place[0]) + 1
    refuse(segment["text"], line)
    start_ms, end_ms = (_milliseconds(segment.get(name), name, line) for name in ("start", "end"))
    words = _words(segment, path, places)
    return Cue(number + 1, start_ms, end_ms, segment["text"], *place, line, words, encode)


def _words(segment: dict[str, Any], path: Path, places: Places) -> tuple[Word, ...]:
    """Words that are found in the segment's text, in order; others are left out."""
    found, position, text = [], 0, segment["text"]
    listed = segment.get("words")
    for number, word in enumerate(listed if isinstance(listed, list) else ()):
        place = places.get((*path, "words", number, "word"))
        spoken = word.get("word") if isinstance(word, dict) else None
        if place is None or not isinstance(spoken, str) or not spoken.strip():
            continue
        start = text.find(spoken.strip(), position)
        if start < 0:
            continue
        position = start + len(spoken.strip())
        found.append(Word(spoken, start, position, *place, _probability(word.get("probability", word.get("score")))))
    return tuple(found)


def _probability(value: Any) -> float | None:
    """A recogniser's number; None for what is none."""
    return float(value) if isinstance(value, float | int) and abs(value) <= 1 else None


def _milliseconds(value: Any, name: str, line: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10_000_000:
        raise BrokenTranscript(line, f'"{name}" must be seconds from the start, found {str(value)[:30]}')
    return round(value * 1000)


def _encoder(source: str) -> Callable[[str], str]:
    """Escapes letters outside ASCII only where the file does."""
    escapes = source.isascii() and "\\u" in source

    def encode(text: str) -> str:
        return json.dumps(text, ensure_ascii=escapes)

    return encode
