"""What would be done at single places, and which words of a file are looked at."""

from __future__ import annotations

import pytest
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana.transcripts.domain.assessment import Place, PlaceAssessor, PlaceOutside
from shodhana.transcripts.domain.corrected import CorrectionOptions
from shodhana.transcripts.domain.english import WordFrequencies
from shodhana.transcripts.domain.formats import Cue
from shodhana.transcripts.domain.matcher import Status
from shodhana.transcripts.domain.pipeline import TranscriptCorrector
from shodhana.transcripts.domain.rechecks import terms_of
from shodhana.transcripts.translation import assessment_of, place_of

from tests.unit.transcripts.small_lexicon import SmallLexicon


def place(context: str, words: str) -> Place:
    start = context.index(words)
    return Place(context, start, start + len(words))


async def test_each_place_is_assessed_in_its_own_context_alone() -> None:
    lexicon = SmallLexicon()
    assessor = PlaceAssessor(TranscriptCorrector(lexicon, None, None, WordFrequencies()))  # type: ignore[arg-type]
    places = [
        place("He spoke of bhakthi and of prarabda.", "bhakthi"),
        place("He spoke of bhakti all day.", "bhakti"),
        place("He walked to the harbour.", "harbour"),
        place("Then came prarabda again.", "prarabda"),
    ]
    found = await assessor.assess(places, CorrectionOptions())
    statuses = [decision.status if decision else None for decision in found.decisions]
    assert statuses[:2] == [Status.APPLIED, Status.RIGHT]
    assert statuses[2] not in (Status.APPLIED, Status.SUGGESTED)
    assert statuses[3] is Status.APPLIED
    assert [decision.best.candidate.term for decision in found.decisions[::3] if decision] == ["bhakti", "prārabdha"]
    message = assessment_of(found.decisions[0])
    assert (message.outcome, message.suggestions[0].text) == (pb.PLACE_OUTCOME_APPLIED, "bhakti")


@pytest.mark.parametrize(("start", "end"), [(3, 3), (4, 3), (0, 9)])
def test_words_outside_their_context_are_refused_by_name(start: int, end: int) -> None:
    with pytest.raises(PlaceOutside) as caught:
        place_of(2, pb.PlaceInText(context="bhakti", start=start, end=end))
    assert caught.value.violations[0].field == "places[2].end"


def test_the_terms_of_a_file_are_its_words_that_may_be_sanskrit_without_their_endings() -> None:
    cue = Cue(1, None, None, "The kutichaka's house was near the bhaktas.", 0, 0, 1)
    terms = terms_of([cue], WordFrequencies())
    assert {"kuticak", "bhakt"} <= set(terms)
    assert not {"the", "house", "near"} & set(terms)
