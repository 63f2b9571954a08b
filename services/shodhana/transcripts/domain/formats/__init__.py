"""Reads and writes transcript files; what is not corrected keeps its bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath

from . import plain, subrip, webvtt, whisper
from .decoding import decode
from .model import BrokenTranscript, Cue, Edit, Format, Limits, Transcript, check_cues, write

__all__ = ["BrokenTranscript", "Cue", "Edit", "Format", "Limits", "Transcript", "detect", "parse", "write"]

ENDINGS = {".srt": Format.SRT, ".vtt": Format.VTT, ".json": Format.WHISPER_JSON, ".txt": Format.TEXT}
_PARSERS: Mapping[Format, Callable[[str], list[Cue]]] = {
    Format.SRT: subrip.parse,
    Format.VTT: webvtt.parse,
    Format.WHISPER_JSON: whisper.parse,
    Format.TEXT: plain.parse,
}


def parse(content: bytes, filename: str, layout: Format | None = None, limits: Limits | None = None) -> Transcript:
    """The transcript in `content`, perhaps gzipped.

    Raises BrokenTranscript, TextRefused (violations name lines), FileTooLarge.
    """
    limits = limits or Limits()
    decoded = decode(content, limits)
    layout = layout or detect(filename, decoded.text)
    cues = _PARSERS[layout](decoded.text)
    check_cues(cues, limits)
    return Transcript(filename, layout, decoded.text, decoded.has_bom, tuple(cues))


def detect(filename: str, text: str) -> Format:
    """The format, by content where it is plain, else by the name's ending; at last plain text."""
    head = text.lstrip()[:200]
    if head.startswith("WEBVTT"):
        return Format.VTT
    if head.startswith(("{", "[")) and '"' in head:
        return Format.WHISPER_JSON
    name = PurePath(filename.lower().removesuffix(".gz"))
    if name.suffix in ENDINGS:
        return ENDINGS[name.suffix]
    return Format.SRT if subrip.looks_like(head) else Format.TEXT
