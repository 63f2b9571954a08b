"""Files come back byte for byte but for what was edited; broken ones are refused with their line."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shodhana.errors import InvalidInput, ResourceExhausted
from shodhana.stack.places import PROJECT
from shodhana.transcripts.domain.formats import Edit, Format, Limits, parse, write

SAMPLES = PROJECT / "samples"
SRT = (
    "1\r\n00:00:01,000 --> 00:00:02,000\r\nThe heart is baki,\r\nlove itself.\r\n\r\n"
    "2\r\n00:00:02,500 --> 00:00:03,000\r\nYes.\r\n"
)


def zipped(*names: str) -> bytes:
    """A zip archive of empty files."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return written.getvalue()


@pytest.mark.parametrize("name", ["gita_chapter_two_talk.srt", "short_talk.vtt", "short_talk.whisper.json"])
def test_an_unedited_file_keeps_its_bytes(name: str) -> None:
    content = (SAMPLES / name).read_bytes()
    assert write(parse(content, name), []) == content


def test_bom_and_line_ends_are_kept_around_an_edit() -> None:
    transcript = parse(b"\xef\xbb\xbf" + SRT.encode(), "a.srt")
    assert [cue.text for cue in transcript.cues] == ["The heart is baki,\r\nlove itself.", "Yes."]
    written = write(transcript, [Edit(1, 13, 17, "bhakti")])
    assert written == b"\xef\xbb\xbf" + SRT.replace("baki", "bhakti").encode()


def test_settings_notes_and_tags_of_webvtt_are_kept() -> None:
    content = (SAMPLES / "short_talk.vtt").read_bytes()
    transcript = parse(content, "a.vtt")
    assert len(transcript.cues) == 3
    assert (transcript.cues[1].start_ms, transcript.cues[1].end_ms) == (5600, 10000)
    start = transcript.cues[1].text.index("dhyan")
    assert write(transcript, [Edit(2, start, start + 5, "dhyāna")]) == content.replace(b"dhyan<", "dhyāna<".encode())


def test_an_edit_of_recogniser_json_changes_segment_and_words_and_nothing_else() -> None:
    content = (SAMPLES / "short_talk.whisper.json").read_bytes()
    transcript = parse(content, "a.json")
    assert transcript.cues[0].words[3].probability == pytest.approx(0.31)
    text = transcript.cues[1].text
    start = text.index("brahma randra")
    edits = [Edit(2, start, start + len("brahma randra"), "brahmarandhra")]
    document = json.loads(write(transcript, edits))
    segment = document["segments"][1]
    assert segment["text"] == " She opens the brahmarandhra, and it is cool."
    assert "".join(word["word"] for word in segment["words"]) == segment["text"]
    original = json.loads(content)
    assert document["segments"][0] == original["segments"][0]
    assert [word["start"] for word in segment["words"]] == [word["start"] for word in original["segments"][1]["words"]]


def test_real_recogniser_files_are_read_and_kept(shared_data: Path) -> None:
    paths = sorted((shared_data / "asr").glob("*.whisper.json"))
    assert len(paths) == 6
    for path in paths:
        content = path.read_bytes()
        transcript = parse(content, path.name)
        assert transcript.cues[0].words
        assert write(transcript, []) == content


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("1\n00:00:01,000 -> 00:00:02,000\nx\n", 2, "time line"),
        ("1\n00:00:01,000 --> 00:00:02,000\nx\n\n2\n00:00:0x,000 --> 00:00:03,000\ny\n", 6, "no time"),
        ("1\n00:00:03,000 --> 00:00:02,000\nx\n", 2, "ends before"),
        ("1\n00:00:03,000 --> 00:00:04,000\nx\n\n2\n00:00:01,000 --> 00:00:02,000\ny\n", 6, "starts before"),
        ("hello\nthere\n", 1, "cue number"),
        ("1\n", 2, "no time line"),
        ("", 1, "empty"),
        ("  \n\n", 1, "empty"),
    ],
)
def test_broken_subrip_names_its_line(content: str, line: int, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(content.encode(), "a.srt")
    assert caught.value.violations[0].line == line
    assert words in caught.value.violations[0].description


def test_another_encoding_is_named_with_its_line() -> None:
    with pytest.raises(InvalidInput, match="line 3: byte 32 is not UTF-8; the file looks like Latin-1"):
        parse("1\n00:00:01,000 --> 00:00:02,000\né\n".encode("latin-1"), "a.srt")
    with pytest.raises(InvalidInput, match="UTF-16"):
        parse(SRT.encode("utf-16"), "a.srt")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (zipped("[Content_Types].xml", "word/document.xml"), "a Word document (zip), not a transcript: export it"),
        (zipped("talk.srt"), "a zip archive, not a transcript: unpack it"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF"),
        (b"{\\rtf1\\ansi The talk}", "a rich text document (RTF)"),
        (b"<!doctype html><p>The talk", "a web page (HTML)"),
        (b"\x00\x00\x00\x20ftypM4A \x00\x00\x00\x00", "a recording (MP4 or M4A)"),
        (b"RIFF\x24\x08\x00\x00WAVEfmt ", "a recording (WAV or AVI)"),
        (bytes(range(256)), "a binary file"),
        (gzip.compress(b"%PDF-1.7"), "a PDF"),
    ],
    ids=["docx", "zip", "pdf", "rtf", "html", "m4a", "wav", "other", "zipped pdf"],
)
def test_a_file_that_is_no_transcript_is_called_what_it_is(content: bytes, kind: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(content, "talk.srt")
    assert f"this is {kind}" in caught.value.message


@pytest.mark.parametrize("words", ["RIFF after riff", "ID3 tags", "Rar! he cried", "PK is short", "<b>bold</b>", "% 5"])
def test_words_that_begin_as_a_binary_file_does_are_words(words: str) -> None:
    assert parse(words.encode(), "talk.txt").cues[0].text == words


def test_bidirectional_controls_and_zero_width_spaces_are_refused_but_joiners_kept() -> None:
    with pytest.raises(InvalidInput, match="line 2: U\\+202E RIGHT-TO-LEFT OVERRIDE"):
        parse("fine\nback\u202ewards\n".encode(), "a.txt")
    with pytest.raises(InvalidInput, match="ZERO WIDTH SPACE"):
        parse("a\u200bb".encode(), "a.txt")
    assert parse("क्\u200dष".encode(), "a.txt").cues[0].text == "क्\u200dष"


def test_a_gzip_bomb_is_never_expanded_past_the_limit() -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    bomb = b"".join(compressor.compress(b"a" * 1_000_000) for _ in range(200)) + compressor.flush()
    with pytest.raises(ResourceExhausted, match="over 20 MB"):
        parse(bomb, "a.txt.gz")
    assert parse(gzip.compress(SRT.encode()), "a.srt.gz").format is Format.SRT


def test_limits_of_size_and_cues_hold() -> None:
    with pytest.raises(ResourceExhausted):
        parse(b"a" * 20_000_001, "a.txt")
    with pytest.raises(ResourceExhausted, match="3 cues; the limit is 2"):
        parse(b"a\nb\nc\n", "a.txt", limits=Limits(max_cues=2))


def test_the_format_is_told_by_content_before_the_name() -> None:
    assert parse(SRT.encode(), "upload").format is Format.SRT
    assert parse(b"WEBVTT\n\n00:01.000 --> 00:02.000\nx\n", "a.srt").format is Format.VTT
    assert parse(b"words only", "upload").format is Format.TEXT


texts = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), min_size=1).filter(str.strip)


@given(st.lists(texts, min_size=1, max_size=8))
def test_recogniser_json_of_any_text_is_kept(lines: list[str]) -> None:
    segments = [{"start": i, "end": i + 1, "text": line, "words": []} for i, line in enumerate(lines)]
    for content in (json.dumps({"segments": segments}), json.dumps(segments, ensure_ascii=False, indent=1)):
        transcript = parse(content.encode(), "a.json")
        assert [cue.text for cue in transcript.cues] == lines
        assert write(transcript, []) == content.encode()
        edit = Edit(1, 0, len(lines[0]), "ānanda")
        rewritten = json.loads(write(transcript, [edit]))
        found = rewritten if isinstance(rewritten, list) else rewritten["segments"]
        assert found[0]["text"] == "ānanda"
        assert found[1:] == segments[1:]


def test_a_line_as_long_as_a_talk_is_parted_between_its_sentences() -> None:
    talk = "A talk.\n" + "He said “it is so!” and walked on. Then he spoke of baki again.  " * 400 + "\nThe end.\n"
    transcript = parse(talk.encode(), "talk.txt")
    assert all(len(cue.text) <= 2000 for cue in transcript.cues)
    assert 12 < len(transcript.cues) < 20
    assert all(talk[cue.source_start : cue.source_end] == cue.text for cue in transcript.cues)
    assert " ".join(" ".join(cue.text for cue in transcript.cues).split()) == " ".join(talk.split())
    assert write(transcript, []) == talk.encode()
    last = transcript.cues[-2]
    place = last.text.index("baki")
    edited = write(transcript, [Edit(last.index, place, place + 4, "bhakti")]).decode()
    assert edited.count("bhakti") == 1
    assert len(edited) == len(talk) + 2
