"""What the fuzzer calls: each parser, and what has to hold of whatever it makes of any bytes."""

from __future__ import annotations

from collections.abc import Callable

from shodhana.errors import InvalidInput, ResourceExhausted
from shodhana.similarity.domain import importers
from shodhana.similarity.domain.importers import LexiconFormat, Provenance
from shodhana.text.fold import popular_fold
from shodhana.text.normalize import nfc, refused_characters, to_iast
from shodhana.text.tokens import tokenize
from shodhana.transcripts.domain import formats
from shodhana.transcripts.domain.formats import Edit, Format, Limits

LIMITS = Limits(max_bytes=100_000, max_cues=1_000)
PROVENANCE = Provenance("fuzz", "CC0-1.0", "general", "BG")
Target = Callable[[bytes], None]


def transcript(content: bytes, layout: Format | None = None) -> None:
    """Read or refused; what is read is written as it was, and with an edit reads again."""
    try:
        read = formats.parse(content, "talk.srt", layout, LIMITS)
    except (InvalidInput, ResourceExhausted) as refused:
        str(refused).encode()
        return
    if not content.startswith(b"\x1f\x8b"):
        assert formats.write(read, []) == content
    assert len(read.cues) <= LIMITS.max_cues
    for cue in read.cues:
        assert not refused_characters(cue.text), cue.text
        cue.text.encode()
    first = next((cue for cue in read.cues if cue.text.strip()), None)
    if first is None:
        return
    edited = formats.write(read, [Edit(first.index, 0, len(first.text), "śānti")])
    again = formats.parse(edited, "talk.srt", read.format)
    assert again.cues[first.index - 1].text == "śānti"


def lexicon(content: bytes, layout: LexiconFormat | None = None) -> None:
    """Entries and verses that can be stored and sent, or a refusal."""
    try:
        parsed = importers.parse(content, layout, PROVENANCE)
    except InvalidInput as refused:
        str(refused).encode()
        return
    for entry in parsed.entries:
        assert importers.problem_of(entry) is None
        "".join((entry.term, entry.gloss, entry.note, entry.field, entry.license, *entry.aliases)).encode()
    for verse in parsed.verses:
        assert not refused_characters(verse.reference + verse.text), verse
        "".join((verse.reference, verse.text, verse.license)).encode()


def text(content: bytes) -> None:
    """Words of any text have places, one fold for both normal forms, and letters in form C."""
    written = content.decode(errors="ignore")
    for token in tokenize(written):
        assert written[token.start : token.end] == token.text
    assert nfc(to_iast(written)) == to_iast(written)
    assert popular_fold(written) == popular_fold(nfc(written))


def transcript_of(layout: Format) -> Target:
    return lambda content: transcript(content, layout)


def lexicon_of(layout: LexiconFormat) -> Target:
    return lambda content: lexicon(content, layout)


TARGETS: dict[str, Target] = {
    "transcript": transcript,
    **{f"transcript_{layout.value}": transcript_of(layout) for layout in Format},
    "lexicon": lexicon,
    **{f"lexicon_{layout.value}": lexicon_of(layout) for layout in LexiconFormat},
    "text": text,
}
