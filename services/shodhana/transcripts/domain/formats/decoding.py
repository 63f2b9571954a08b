"""Bytes to text: compression, size, encoding, and characters that are refused."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from shodhana.errors import FieldViolation
from shodhana.text.normalize import refused_characters

from .model import BrokenTranscript, FileTooLarge, Limits, TextRefused
from .signatures import looks_wide, other_kind

BOM = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"
MAX_NAMED = 20


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file, without its byte order mark."""

    text: str
    has_bom: bool


def decode(content: bytes, limits: Limits) -> Decoded:
    """UTF-8 text of plain or gzipped bytes. Raises BrokenTranscript, TextRefused, FileTooLarge."""
    if content.startswith(GZIP):
        content = _decompress(content, limits)
    _check_size(len(content), limits)
    if kind := other_kind(content):
        raise BrokenTranscript(1, kind)
    has_bom = content.startswith(BOM)
    content = content.removeprefix(BOM)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BrokenTranscript(*_where(content, error)) from error
    if not text.strip():
        raise BrokenTranscript(1, "the file is empty")
    refuse(text)
    return Decoded(text, has_bom)


def _decompress(content: bytes, limits: Limits) -> bytes:
    """At most one byte more than allowed is ever expanded: a bomb costs no more than an honest file."""
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        expanded = decompressor.decompress(content, limits.max_bytes + 1)
    except zlib.error as error:
        raise BrokenTranscript(1, f"not readable as gzip: {error}") from error
    _check_size(len(expanded), limits)
    if not decompressor.eof:
        raise BrokenTranscript(1, "the gzip data breaks off")
    return expanded


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.max_bytes:
        message = f"the file is over {limits.max_bytes // 1_000_000} MB, after decompression if it was compressed"
        raise FileTooLarge(message, metadata={"limit": str(limits.max_bytes)})


def _where(content: bytes, error: UnicodeDecodeError) -> tuple[int, str]:
    line = content.count(b"\n", 0, error.start) + 1
    guess = "UTF-16" if looks_wide(content) else "Latin-1 or Windows-1252"
    return line, f"byte {error.start} is not UTF-8; the file looks like {guess}: convert it, for example with iconv"


def refuse(text: str, line: int = 1) -> None:
    """Raises TextRefused where the text, whose first line is `line`, holds characters that are refused."""
    found = refused_characters(text)
    if found:
        violations = [
            FieldViolation(
                "file.content", f"{name} is not allowed in a transcript", line + text.count("\n", 0, position)
            )
            for position, name in found[:MAX_NAMED]
        ]
        first = violations[0]
        raise TextRefused(f"line {first.line}: {first.description}", violations)
