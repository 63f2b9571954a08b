"""A transcript file, its cues, and edits to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from shodhana.errors import FieldViolation, InvalidInput, ResourceExhausted


class Format(Enum):
    """How a file is laid out."""

    SRT = "srt"
    VTT = "vtt"
    WHISPER_JSON = "whisper_json"
    TEXT = "text"


class BrokenTranscript(InvalidInput):
    """The file cannot be read as its format; the violation names the line."""

    reason = "TRANSCRIPT_BROKEN"

    def __init__(self, line: int, description: str) -> None:
        super().__init__(f"line {line}: {description}", [FieldViolation("file.content", description, line)])


class TextRefused(InvalidInput):
    """The text holds characters that are refused."""

    reason = "TEXT_REFUSED"


class FileTooLarge(ResourceExhausted):
    """The file, also after decompression, is over a limit."""

    reason = "FILE_TOO_LARGE"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold."""

    max_bytes: int = 20 * 1000 * 1000
    max_cues: int = 100_000
    max_cue_characters: int = 10_000


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a recogniser: its place in the cue's text and in the file, and how sure the recogniser was (0 to 1)."""

    text: str
    start: int
    end: int
    source_start: int
    source_end: int
    probability: float | None


@dataclass(frozen=True, slots=True)
class Cue:
    """One timed line. `source_start` and `source_end` are its text's place in the decoded file."""

    index: int
    start_ms: int | None
    end_ms: int | None
    text: str
    source_start: int
    source_end: int
    line: int
    words: tuple[Word, ...] = ()
    encode: Callable[[str], str] = field(default=str, compare=False)


@dataclass(frozen=True, slots=True)
class Edit:
    """Puts `text` in the place [start, end) (code points) of a cue's text."""

    cue: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file as read."""

    filename: str
    format: Format
    source: str
    has_bom: bool
    cues: tuple[Cue, ...]

    def named(self, what: str) -> str:
        """The name of a file made of it: `talk.corrected.srt` of `talk.srt` and "corrected"."""
        name = self.filename.removesuffix(".gz")
        stem, dot, ending = name.rpartition(".")
        return f"{stem}.{what}.{ending}" if dot and stem else f"{name}.{what}"


def edited_texts(transcript: Transcript, edits: Iterable[Edit]) -> tuple[str, ...]:
    """The text of each cue with its edits."""
    by_cue = _by_cue(edits)
    return tuple(edited(cue.text, by_cue.get(cue.index, ())) for cue in transcript.cues)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """A cue's text with its edits, which must not overlap."""
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def write(transcript: Transcript, edits: Sequence[Edit]) -> bytes:
    """The file with the edits; the same bytes where there are none."""
    by_cue = _by_cue(edits)
    replacements: list[tuple[int, int, str]] = []
    for cue in transcript.cues:
        if cue.index in by_cue:
            replacements.extend(_replacements(cue, by_cue[cue.index]))
    source = transcript.source
    pieces, position = [], 0
    for start, end, text in sorted(replacements):
        pieces += [source[position:start], text]
        position = end
    pieces.append(source[position:])
    return (b"\xef\xbb\xbf" if transcript.has_bom else b"") + "".join(pieces).encode()


def _by_cue(edits: Iterable[Edit]) -> dict[int, list[Edit]]:
    found: dict[int, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.cue, []).append(edit)
    return found


def check_cues(cues: Sequence[Cue], limits: Limits) -> None:
    """Raises BrokenTranscript for times that run backwards, FileTooLarge for too many or too long cues."""
    if not cues:
        raise BrokenTranscript(1, "the file holds no text")
    if len(cues) > limits.max_cues:
        raise FileTooLarge(
            f"{len(cues)} cues; the limit is {limits.max_cues}", metadata={"limit": str(limits.max_cues)}
        )
    latest = 0
    for cue in cues:
        if len(cue.text) > limits.max_cue_characters:
            raise FileTooLarge(
                f"line {cue.line}: a cue of {len(cue.text)} characters; at most {limits.max_cue_characters}"
            )
        if cue.start_ms is None or cue.end_ms is None:
            continue
        if cue.end_ms < cue.start_ms:
            raise BrokenTranscript(cue.line, f"cue {cue.index} ends before it starts")
        if cue.start_ms < latest:
            raise BrokenTranscript(cue.line, f"cue {cue.index} starts before the cue above it")
        latest = cue.start_ms


def _replacements(cue: Cue, edits: list[Edit]) -> list[tuple[int, int, str]]:
    whole = (cue.source_start, cue.source_end, cue.encode(edited(cue.text, edits)))
    return [whole, *(found for edit in edits for found in _word_replacements(cue, edit))]


def _word_replacements(cue: Cue, edit: Edit) -> list[tuple[int, int, str]]:
    """The recogniser's own words under an edit: word for word where the counts agree, else all in the first."""
    touched = [word for word in cue.words if word.start < edit.end and edit.start < word.end]
    if not touched:
        return []
    first, last = touched[0], touched[-1]
    parts = edit.text.split(" ")
    if len(parts) != len(touched):
        parts = [edit.text]
    parts[0] = cue.text[first.start : max(first.start, edit.start)] + parts[0]
    parts[-1] += cue.text[min(last.end, edit.end) : last.end]
    parts += [""] * (len(touched) - len(parts))
    lead = first.text[: len(first.text) - len(first.text.lstrip())]
    return [
        (word.source_start, word.source_end, cue.encode(lead + part if part else ""))
        for word, part in zip(touched, parts, strict=True)
    ]
