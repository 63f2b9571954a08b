"""What a file is that is no transcript, by the bytes it begins with."""

from __future__ import annotations

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
EXPORT = "export it as plain text (.txt)"
UNPACK = "unpack it; of compressed files gzip is read"
TRANSCRIBE = "what is corrected is its transcript: SubRip, WebVTT, Whisper JSON or plain text"
ZIPPED = (
    (b"word/", "a Word document (zip)", EXPORT),
    (b"application/vnd.oasis.opendocument.text", "an OpenDocument text (zip)", EXPORT),
    (b"xl/", "an Excel workbook (zip)", EXPORT),
    (b"application/epub+zip", "an EPUB (zip)", EXPORT),
)
DOCUMENTS = (
    (OLE, "an old Word or Excel document", EXPORT),
    (b"%PDF-", "a PDF", EXPORT),
    (b"{\\rtf", "a rich text document (RTF)", EXPORT),
    (b"<!DOCTYPE html", "a web page (HTML)", EXPORT),
    (b"<!doctype html", "a web page (HTML)", EXPORT),
    (b"<html", "a web page (HTML)", EXPORT),
)
BINARIES = (
    (b"BZh", "compressed by bzip2", UNPACK),
    (b"\xfd7zXZ\x00", "compressed by xz", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!", "a RAR archive", UNPACK),
    (b"ID3", "a recording (MP3)", TRANSCRIBE),
    (b"\xff\xfb", "a recording (MP3)", TRANSCRIBE),
    (b"RIFF", "a recording (WAV or AVI)", TRANSCRIBE),
    (b"OggS", "a recording (Ogg)", TRANSCRIBE),
    (b"fLaC", "a recording (FLAC)", TRANSCRIBE),
    (b"\x1aE\xdf\xa3", "a recording (Matroska or WebM)", TRANSCRIBE),
    (b"\x89PNG", "a picture (PNG)", TRANSCRIBE),
    (b"\xff\xd8\xff", "a picture (JPEG)", TRANSCRIBE),
    (b"", "a binary file", TRANSCRIBE),
)
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
FIRST_BYTES = 1000


def other_kind(content: bytes) -> str:
    """What the bytes are instead and what to do, for a reader; empty where they may be a transcript."""
    if content.startswith(ZIP):
        named = ((kind, advice) for mark, kind, advice in ZIPPED if mark in content)
        return _said(*next(named, ("a zip archive", UNPACK)))
    known = (*DOCUMENTS, *BINARIES) if _is_binary(content) else DOCUMENTS
    if known is not DOCUMENTS and content[4:8] == b"ftyp":
        return _said("a recording (MP4 or M4A)", TRANSCRIBE)
    return next((_said(kind, advice) for beginning, kind, advice in known if content.startswith(beginning)), "")


def looks_wide(content: bytes) -> bool:
    """Whether every other byte may be the upper half of a letter: UTF-16."""
    head = content[:FIRST_BYTES]
    fewest, most = sorted((head[::2].count(0), head[1::2].count(0)))
    return head.startswith(WIDE_BOMS) or (most * 4 > len(head) and fewest * 20 < len(head))


def _is_binary(content: bytes) -> bool:
    """Whether there are bytes that stand in no text in UTF-8, Latin-1 or UTF-16."""
    return any(byte < ord("\t") for byte in content[:FIRST_BYTES]) and not looks_wide(content)


def _said(kind: str, advice: str) -> str:
    return f"this is {kind}, not a transcript: {advice}"
