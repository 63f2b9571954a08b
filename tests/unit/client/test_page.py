"""The side-by-side page: readable without colour, and nothing in a transcript is taken for markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from shodhana.api.quality.v1 import quality_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client.page import page_of

HEARD = "<script>baki</script> & samadi"


def response() -> pb.CorrectTranscriptResponse:
    places = {"baki": pb.CORRECTION_STATUS_APPLIED, "samadi": pb.CORRECTION_STATUS_SUGGESTED}
    corrections = [
        pb.Correction(
            cue=1,
            start=HEARD.index(heard),
            end=HEARD.index(heard) + len(heard),
            heard=heard,
            corrected="bhakti",
            probability=0.91,
            status=status,
            candidates=[pb.TermCandidate(term="bhakti", probability=0.91, gloss='"devotion"', reasons=["sounds so"])],
        )
        for heard, status in places.items()
    ]
    report = pb.CorrectionReport(
        filename="<talk>.srt",
        corrections=corrections,
        lexicon_version="lexiconVersions/7",
        requires_review=True,
        degradations=["the embedding service was away"],
        scores=quality_pb2.Scores(academic_score=0.9),
        gates=[quality_pb2.Gate(gate="min_academic_score", passed=False, description="at least .85")],
    )
    return pb.CorrectTranscriptResponse(report=report, cues=[pb.CuePair(index=1, start_ms=3_723_000, original=HEARD)])


class Elements(HTMLParser):
    """The text inside each kind of element, and the attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside: dict[str, list[str]] = {}
        self.attributes: dict[str, list[dict[str, str | None]]] = {}
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.setdefault(tag, []).append(dict(attrs))
        self.inside.setdefault(tag, []).append("")
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, "elements are closed in their order"

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self.inside[tag][-1] += data


def test_changes_are_struck_underlined_and_dotted_and_each_says_why() -> None:
    found = Elements(page_of(response()))
    assert found.inside["del"][1:] == ["baki"]  # the first of each explains the marks
    assert found.inside["ins"][1:] == ["bhakti"]
    assert found.inside["mark"][1:] == ["samadi"]
    assert found.inside["small"][1:] == ["(bhakti?)"]
    why = found.attributes["ins"][1]["title"]
    assert why == 'baki → bhakti (0.91)\nbhakti  0.91: "devotion" [sounds so]'


def test_the_marks_differ_in_more_than_colour() -> None:
    style = page_of(response())
    rules = dict(re.findall(r"^(del|ins|mark) \{([^}]*)\}", style, re.MULTILINE))
    assert "line-through" in rules["del"]
    assert "underline" in rules["ins"]
    assert "dotted" in rules["mark"]


def test_what_a_transcript_holds_is_text() -> None:
    found = Elements(page_of(response()))
    assert "script" not in found.inside
    assert found.inside["title"] == ["<talk>.srt"]
    assert found.inside["td"][-2:] == [HEARD, f"{HEARD.replace('baki', 'bhakti')} (bhakti?)"]


def test_the_page_fetches_nothing_and_tells_what_matters() -> None:
    page = page_of(response())
    assert not re.search(r"(src|href|url\()", page)
    assert 'lang="en"' in page
    assert "viewport" in page
    words = Elements(page).inside["body"][0]
    for text in ("1 corrections applied", "An expert has to look", "Incomplete: the embedding", "absent", "1:02:03"):
        assert text in words
    assert re.search(r"gate: min academic score.*not passed", words)
