"""What experts decided, written into the file."""

from __future__ import annotations

import json

import pytest
from shodhana.transcripts.domain.finishing import CorrectedPlace, Finished, Finisher, NobodyReviews, ReportOfAnotherFile
from shodhana.transcripts.domain.ports import Ruling, ServiceMissing

from .small_lexicon import Cases

TEXT = "the path of baki and of gyana\nand the end of baki\n"


def place(cue: int, heard: str, corrected: str, case: str = "", is_applied: bool = False) -> CorrectedPlace:
    start = TEXT.splitlines()[cue - 1].index(heard)
    return CorrectedPlace(cue, start, start + len(heard), heard, corrected if is_applied else "", case)


async def finished(*places: CorrectedPlace, cases: Cases | None = None, text: str = TEXT) -> Finished:
    return await Finisher(cases or Cases()).finish(text.encode(), "talk.txt", None, places)


async def test_experts_overrule_the_correction_and_what_is_open_stays_as_it_was_corrected() -> None:
    cases = Cases()
    cases.ruled = {"reviewCases/1": Ruling("bhāva"), "reviewCases/2": Ruling(None)}
    found = await finished(
        place(1, "baki", "bhakti", "reviewCases/1", is_applied=True),
        place(1, "gyana", "jñāna", "reviewCases/2", is_applied=True),
        place(2, "baki", "bhakti", "reviewCases/3"),
        place(2, "end", "anta", is_applied=True),
        cases=cases,
    )
    assert found.content.decode() == "the path of bhāva and of gyana\nand the anta of baki\n"
    assert found.texts == ("the path of bhāva and of gyana", "and the anta of baki")
    assert (found.decided_count, found.kept_count, found.open_cases) == (1, 1, ("reviewCases/3",))
    assert found.filename == "talk.final.txt"


async def test_a_verse_takes_the_place_of_the_words_corrected_in_it() -> None:
    cases = Cases()
    cases.ruled = {"reviewCases/9": Ruling("bhaktyā jñānena")}
    found = await finished(
        place(1, "baki", "bhakti", is_applied=True), place(1, "baki and of gyana", "", "reviewCases/9"), cases=cases
    )
    assert found.texts[0] == "the path of bhaktyā jñānena"


async def test_a_verse_over_the_lines_of_a_cue_is_heard_in_one() -> None:
    text = "1\n00:00:01,000 --> 00:00:09,000\nkarmanye\nvadhikaraste\n"
    verse = CorrectedPlace(1, 0, 21, "karmanye vadhikaraste", "", "reviewCases/1")
    cases = Cases()
    cases.ruled = {"reviewCases/1": Ruling("karmaṇy evādhikāras te")}
    found = await Finisher(cases).finish(text.encode(), "talk.srt", None, [verse])
    assert found.texts == ("karmaṇy evādhikāras te",)


async def test_a_verse_over_several_cues_is_told_and_left_as_it_was_heard() -> None:
    verse = CorrectedPlace(1, 12, 7, "baki and of gyana and the", "", "reviewCases/9", last_cue=2)
    cases = Cases()
    cases.ruled = {"reviewCases/9": Ruling("bhaktyā jñānena ca")}
    found = await finished(place(1, "gyana", "jñāna", is_applied=True), verse, cases=cases)
    assert found.texts[0] == "the path of baki and of jñāna"
    assert (found.decided_count, found.open_cases, found.unwritten_cases) == (1, (), ("reviewCases/9",))


async def test_without_decisions_the_file_is_as_it_was_corrected_byte_for_byte() -> None:
    found = await finished(place(1, "baki", "bhakti", "reviewCases/1"))
    assert found.content == TEXT.encode()
    document = json.dumps({"segments": [{"id": 0, "start": 0, "end": 1, "text": " of  baki"}]}, indent=3).encode()
    kept = await Finisher(Cases()).finish(document, "talk.json", None, ())
    assert kept.content == document


async def test_the_report_of_another_file_is_refused_with_the_place() -> None:
    with pytest.raises(ReportOfAnotherFile, match="cue 1, characters 12 to 16: 'baki' does not stand there") as refused:
        await finished(place(1, "baki", "bhakti"), text="another talk with other words\n")
    assert refused.value.violations[0].field == "places[0].heard"


async def test_without_review_or_while_it_is_away_nothing_is_made_up() -> None:
    with pytest.raises(NobodyReviews):
        await Finisher(None).finish(TEXT.encode(), "talk.txt", None, ())
    cases = Cases()
    cases.is_down = True
    with pytest.raises(ServiceMissing):
        await finished(place(1, "baki", "bhakti", "reviewCases/1"), cases=cases)
