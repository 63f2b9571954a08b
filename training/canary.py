"""Makes the cases with known answers that every new version of the lexicon is tried on.

    .venv/bin/python -m training.canary [--output FILE]

Garbled hearings of the glossary's terms (noise model) in sentences of a lecture, and rare English words that are to
stay as they are; those that the correction as shipped gets right. Seeds are fixed. No development data goes in.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

from shodhana.review.domain import canary as shipped
from shodhana.sound.garble import garbler
from shodhana.sound.units import units_of_iast
from shodhana.transcripts.domain.assessment import Place, PlaceAssessor
from shodhana.transcripts.domain.corrected import CorrectionOptions
from shodhana.transcripts.domain.english import COMMON, WordFrequencies
from shodhana.transcripts.domain.features import prior_of
from shodhana.transcripts.domain.matcher import Decision, Status
from shodhana.transcripts.domain.pipeline import TranscriptCorrector
from wordfreq import top_n_list

from .core import LocalSearch, LocalVectorizer, Unscored, glossary_entries

OUTPUT = Path(shipped.__file__).with_name(shipped.SHIPPED)
SEED = 11
TERMS, WORDS = 72, 48  # in the file
TRIED = 4  # times as many are made
FRAMES = (
    ("And so the teacher speaks of ", " when the student is ready to listen."),
    ("In the morning we talked about ", ", and many of you had questions."),
    ("This is what the old texts call ", "; it is not easy to put into English."),
    ("Now look at the word ", " in the second line of the page."),
    ("He came back to ", " again and again in the years that followed."),
    ("If you ask me what ", " means, I would first ask who wants to know."),
    ("There is a story about ", " that my grandmother used to tell."),
    ("We will need ", " tomorrow, so please keep it in mind."),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    rows = asyncio.run(_right_ones([*_terms(), *_words()]))
    text = "\n".join("\t".join(row) for row in [("before", "heard", "after", "right"), *rows])
    arguments.output.write_text(text + "\n", encoding="utf-8")
    print(f"{arguments.output}: {len(rows)} cases, {sum(bool(row[3]) for row in rows)} of them terms")


def _terms() -> Iterator[tuple[str, str, str, str]]:
    chooser = random.Random(SEED)
    entries = [entry for entry in glossary_entries() if not entry.anglicised]
    chosen = chooser.choices(entries, [0.5 + prior_of(entry.term) for entry in entries], k=TERMS * TRIED)
    for number, entry in enumerate(chosen):
        heard = garbler(SEED + number, chooser.choice((0.1, 0.3, 0.5))).hear(units_of_iast(entry.term))
        if heard != entry.term:
            before, after = chooser.choice(FRAMES)
            yield before, heard, after, entry.term


def _words() -> Iterator[tuple[str, str, str, str]]:
    chooser = random.Random(SEED)
    known = [word for word in top_n_list("en", 60_000, wordlist="large") if word.isascii() and word.isalpha()]
    rare = [word for word in known if len(word) > 3 and WordFrequencies.frequency(word) < COMMON]
    for word in chooser.sample(rare, WORDS * TRIED):
        before, after = chooser.choice(FRAMES)
        yield before, word, after, ""


async def _right_ones(rows: list[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    search = LocalSearch(glossary_entries(), LocalVectorizer())
    assessor = PlaceAssessor(TranscriptCorrector(search, Unscored(), None, WordFrequencies()))
    places = [Place(before + heard + after, len(before), len(before) + len(heard)) for before, heard, after, _ in rows]
    assessed = await assessor.assess(places, CorrectionOptions())
    right = [row for row, decision in zip(rows, assessed.decisions, strict=True) if _is_right(row[3], decision)]
    return [*[row for row in right if row[3]][:TERMS], *[row for row in right if not row[3]][:WORDS]]


def _is_right(term: str, decision: Decision | None) -> bool:
    if not term:
        return decision is None or decision.status is not Status.APPLIED
    return decision is not None and decision.status is not Status.LEFT and decision.best.text == term


if __name__ == "__main__":
    main()
