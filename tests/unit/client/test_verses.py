"""What the tool, the report and the page say of recited verses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client.commands.process import print_report
from shodhana_client.page import page_of
from shodhana_client.report import report_document

if TYPE_CHECKING:
    from conftest import Gateway

Tool = Callable[..., Any]


def response() -> pb.CorrectTranscriptResponse:
    verse = pb.RecognisedVerse(
        first_cue=1,
        last_cue=2,
        start=4,
        end=9,
        start_ms=61_000,
        heard="<karmanye> vadhikaraste",
        reference="BG 2.47",
        lines=["karmaṇy evādhikāras te mā phaleṣu kadācana"],
        confidence=0.987_65,
        status=pb.CORRECTION_STATUS_SUGGESTED,
        reasons=["closest verse: its sounds agree by 98%", "metre: anuṣṭubh (pathyā)"],
    )
    metre = pb.RecognisedVerse(first_cue=2, last_cue=2, heard="śāntākāraṃ", metre="mandākrāntā", status=2)
    report = pb.CorrectionReport(filename="talk.srt", verses=[verse, metre], verse_index="0123456789abcdef")
    return pb.CorrectTranscriptResponse(report=report, cues=[pb.CuePair(index=1, start_ms=61_000, original="x")])


def test_the_report_names_each_verse_with_its_place_and_reasons() -> None:
    document = report_document(response().report)
    first, second = document["verses"]
    wanted = {"first_cue": 1, "last_cue": 2, "start": 4, "end": 9, "reference": "BG 2.47", "confidence": 0.988,
              "status": "suggested", "reading": "karmaṇy evādhikāras te mā phaleṣu kadācana"}  # fmt: skip
    assert wanted.items() <= first.items()
    assert (second["reference"], second["metre"], second["start_ms"]) == ("", "mandākrāntā", None)
    assert document["verse_index"] == "0123456789abcdef"


def test_the_page_shows_verses_as_suggestions_and_takes_nothing_for_markup() -> None:
    page = page_of(response())
    assert "BG 2.47" in page
    assert "&lt;karmanye&gt;" in page
    assert "<karmanye>" not in page
    assert "of no imported text" in page
    assert 'href="#cue-1">0:01:01' in page
    assert "Recited verses" not in page_of(pb.CorrectTranscriptResponse())


def test_process_prints_the_verses(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(response(), Path("talk.corrected.srt"))
    printed = capsys.readouterr().out
    assert "BG 2.47\tkarmaṇy evādhikāras te mā phaleṣu kadācana\t0.99\tcue 1 at 0:01:01" in printed
    assert "-\tin metre: mandākrāntā" in printed


def test_verses_are_searched_listed_and_shown(gateway: Gateway, shodhana: Tool) -> None:
    found = shodhana("verses", "search", "karmanye vadhikaraste", "--limit", "2")
    assert found.exit_code == 0
    assert "BG 2.47\t0.97\tkarmanye\tkarmaṇy evādhikāras te mā phaleṣu kadācana\tclosest verse" in found.stdout
    document = json.loads(shodhana("verses", "search", "karmanye", "--json").stdout)
    assert document["recitations"][0]["verse"]["reference"] == "BG 2.47"
    assert "BG 2.47\tkarmaṇy evādhikāras te" in shodhana("verses", "list", "BG 2.").stdout
    assert "from verses/gita.tsv (CC0-1.0)" in shodhana("verses", "show", "BG 2.47").stdout
    asked = [(name, request) for name, request, *_ in gateway.calls]
    assert [name for name, _ in asked] == ["SearchVerses", "SearchVerses", "ListVerses", "GetVerse"]
    assert (asked[0][1].limit, asked[2][1].prefix, asked[3][1].name) == (2, "BG 2.", "verses/BG 2.47")


def test_an_import_says_what_references_begin_with(gateway: Gateway, shodhana: Tool, tmp_path: Path) -> None:
    path = tmp_path / "verses.json"
    path.write_text("[]")
    done = shodhana("lexicon", "import", path, "--text", "BG", "--license", "Unlicense", "--check")
    assert "701 verses" in done.stdout
    [(_, request, *_)] = gateway.calls
    assert (request.text_abbreviation, request.license, request.source) == ("BG", "Unlicense", "verses.json")
