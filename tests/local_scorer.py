"""The scores in this process: the port of the correction over the quality service's own domain."""

from __future__ import annotations

from collections.abc import Iterable

from shodhana.quality.domain.attested import AttestedForms
from shodhana.quality.domain.lexicon import KnownTerms
from shodhana.quality.domain.scoring import score_transcript
from shodhana.quality.domain.values import Cue, Policy, Status, Term, Transcript
from shodhana.transcripts.domain.formats import Cue as ReadCue
from shodhana.transcripts.domain.ports import Quality, ToScore


class LocalScorer:
    """The port `TranscriptScorer`; `Quality.report` is the domain's report."""

    def __init__(self, terms: Iterable[tuple[str, bool]], forms: AttestedForms | None = None) -> None:
        self._known = KnownTerms.of("lexiconVersions/1", terms)
        self._forms = forms

    async def score(self, transcript: ToScore) -> Quality:
        original = tuple(_cue(cue, cue.text) for cue in transcript.original)
        cues = tuple(_cue(cue, text) for cue, text in zip(transcript.original, transcript.corrected, strict=True))
        terms = tuple(
            Term(term.cue, term.start, term.end, Status(term.status.value), term.probability, term.expected)
            for term in transcript.terms
        )
        report = score_transcript(Transcript(cues, original, terms), self._known, Policy(), self._forms)
        return Quality("", report.requires_review, report)


def _cue(cue: ReadCue, text: str) -> Cue:
    return Cue(cue.index, cue.start_ms, cue.end_ms, text)
