"""The scores tell a verified transcript from the recogniser's output of the same talk."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from shodhana.quality.adapters.inria_forms import installed_forms
from shodhana.transcripts.domain.corrected import CorrectionOptions
from shodhana.transcripts.domain.english import WordFrequencies
from shodhana.transcripts.domain.pipeline import TranscriptCorrector

from tests.local_scorer import LocalScorer
from training.core import LocalSearch, LocalVectorizer, glossary_entries
from training.talks import ASR

TALKS = ("1981-03-21", "1987-08-09", "1989-05-06")
WITHOUT_CONTEXT = CorrectionOptions(use_context=False)  # a third of the time, and nearly the same places


@pytest.fixture(scope="module")
def corrector() -> TranscriptCorrector:
    entries = glossary_entries()
    scorer = LocalScorer([(entry.term, entry.anglicised) for entry in entries], installed_forms())
    return TranscriptCorrector(LocalSearch(entries, LocalVectorizer()), scorer, None, WordFrequencies())


@pytest.mark.parametrize("talk", TALKS)
def test_a_verified_transcript_scores_at_least_its_raw_output(corrector: TranscriptCorrector, talk: str) -> None:
    verified = ASR / f"{talk}.verified.txt"
    if not verified.exists():
        pytest.skip(f"development data not found at {ASR}")

    def scores(name: str) -> Any:
        content = (ASR / name).read_bytes()
        return asyncio.run(corrector.score(content, name, None, WITHOUT_CONTEXT)).quality.report.scores

    right = scores(verified.name)
    for path in sorted(ASR.glob(f"{talk}_part*.whisper.json")):
        raw = scores(path.name)
        print(f"{path.name}: {raw}")
        assert right.overall_score >= raw.overall_score
        assert right.academic_score >= raw.academic_score
        assert raw.iast_compliance < 1
    print(f"{verified.name}: {right}")
