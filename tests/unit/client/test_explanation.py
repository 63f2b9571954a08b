"""What the tool and the page say of the scores."""

from __future__ import annotations

import json
import re

import pytest
from shodhana.api.quality.v1 import quality_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client.commands.score import print_scores, score_document
from shodhana_client.explanation import excerpt
from shodhana_client.page import page_of
from shodhana_client.report import report_document

LINE = "The long morning talk of <b>dhyana</b> and of karmaṇā went on and on."
PLACE = LINE.index("dhyana")
FORM = LINE.index("karmaṇā")


def explained() -> quality_pb2.QualityReport:
    return quality_pb2.QualityReport(
        scores=quality_pb2.Scores(iast_compliance=0.5, academic_score=0.7),
        gates=[quality_pb2.Gate(gate="iast_compliance", passed=False, description="0.500 is below 0.900")],
        violations=[
            quality_pb2.Violation(
                rule="canonical_spelling",
                cue=1,
                start=PLACE,
                end=PLACE + 6,
                text="dhyana",
                description="canonical spelling is dhyāna",
                expected=["dhyāna"],
            )
        ],
        violation_count=1,
        explanations=[
            quality_pb2.ScoreExplanation(
                score="iast_compliance", formula="sound ÷ all", calculation="1 ÷ 2 = 0.500", note="2 words"
            )
        ],
        doubtful_tokens=[
            quality_pb2.DoubtfulToken(
                cue=1, start=PLACE, end=PLACE + 6, text="dhyana", weight=1, probability=0, reason="unresolved"
            ),
            quality_pb2.DoubtfulToken(
                cue=1, start=FORM, end=FORM + 7, text="karmaṇā", weight=1, probability=0.5, reason="unknown_form"
            ),
            quality_pb2.DoubtfulToken(
                cue=1, start=0, end=3, text="The", weight=1, probability=0.97, reason="corrected"
            ),
        ],
        spelling_variants=[quality_pb2.SpellingVariants(spellings=["kṛṣṇa", "krishna"])],
        thresholds=quality_pb2.Thresholds(weights_version="3-1f0c22d4", similarity_threshold=0.85),
        sanskrit_weight=2,
        lexicon_version="lexiconVersions/7",
    )


def scored() -> pb.ScoreFileResponse:
    cue = quality_pb2.Cue(index=1, start_ms=3_723_000, text=LINE)
    return pb.ScoreFileResponse(report=explained(), cues=[cue], degradations=["no candidates"])


def corrected() -> pb.CorrectTranscriptResponse:
    found = explained()
    report = pb.CorrectionReport(
        filename="talk.srt",
        scores=found.scores,
        gates=found.gates,
        violations=found.violations,
        explanations=found.explanations,
        doubtful_tokens=found.doubtful_tokens,
        spelling_variants=found.spelling_variants,
        thresholds=found.thresholds,
    )
    cue = pb.CuePair(index=1, start_ms=3_723_000, original=LINE, corrected=LINE)
    return pb.CorrectTranscriptResponse(report=report, cues=[cue])


def test_each_violation_is_told_in_its_line_with_place_rule_and_what_is_expected(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_scores(scored())
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert ["iast_compliance", "0.500", "1 ÷ 2 = 0.500", "sound ÷ all (2 words)"] in rows
    assert ["overall_score", "absent", "", ""] in rows
    assert ["iast_compliance", "not passed", "0.500 is below 0.900"] in rows
    [violation] = [row for row in rows if "canonical_spelling" in row]
    assert violation == [
        f"cue 1 at 1:02:03, {PLACE}–{PLACE + 6}",
        "The long morning talk of <b>[dhyana]</b> and of karmaṇā went on…",
        "dhyāna",
        "canonical_spelling",
        "canonical spelling is dhyāna",
    ]
    [doubt] = [row for row in rows if len(row) > 1 and "[karmaṇā]" in row[1]]
    assert doubt[2:] == ["0.50", "well formed, neither listed nor attested"]
    assert not [row for row in rows if len(row) > 1 and row[1].startswith("[The]")]  # restored surely enough
    assert ["kṛṣṇa | krishna"] in rows
    assert ["incomplete: no candidates"] in rows
    assert any("none installed" in row[0] and "3-1f0c22d4" in row[0] for row in rows)


def test_json_holds_all_of_it() -> None:
    document = json.loads(json.dumps(score_document(scored())))
    assert document["scores"]["overall_score"] is None
    assert document["explanations"][0]["calculation"] == "1 ÷ 2 = 0.500"
    assert document["violations"][0]["expected"] == ["dhyāna"]
    assert document["doubtful_tokens"][1]["probability"] == 0.5
    assert document["spelling_variants"] == [["kṛṣṇa", "krishna"]]
    assert document["thresholds"]["weights_version"] == "3-1f0c22d4"
    assert document["degradations"] == ["no candidates"]
    assert set(report_document(corrected().report)) >= {"explanations", "violations", "thresholds", "doubtful_tokens"}


def test_the_page_shows_the_same_marked_by_more_than_colour_and_fetches_nothing() -> None:
    page = page_of(corrected())
    for text in ("1 ÷ 2 = 0.500", "sound ÷ all (2 words)", "<code>canonical_spelling</code>", "kṛṣṇa · krishna"):
        assert text in page
    assert "talk of &lt;b&gt;<u>dhyana</u>&lt;/b&gt; and of" in page
    assert re.search(r"<u>karmaṇā</u>.*?0\.50.*?neither listed nor attested", page, re.DOTALL)
    assert "wavy" in page
    assert 'u::before { content: "⟨"; }' in page
    assert set(re.findall(r'(?:src|href)="(.)', page)) == {"#"}
    assert 'id="cue-1"' in page


def test_a_place_that_is_not_in_the_text_is_shown_alone() -> None:
    place = quality_pb2.Violation(cue=2, start=3, end=9, text="dhyana")
    assert excerpt(place, {2: "another text"}).marked() == "[dhyana]"
    assert excerpt(place, {}).marked() == "[dhyana]"
