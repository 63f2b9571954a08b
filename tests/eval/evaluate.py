"""Measures the correction on the development data, beside its peer, and writes docs/evaluation.md.

    .venv/bin/python -m tests.eval.evaluate [--no-page] [--quick]

The services' own parts run in this process over the glossary as shipped. `--quick`: without ablations. Skips,
saying so, without the development data.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from datetime import date

from shodhana.stack.places import GLOSSARY, PROJECT
from shodhana.transcripts.domain.combiner import combiner
from shodhana.transcripts.domain.corrected import CorrectionOptions
from shodhana.transcripts.domain.english import WordFrequencies
from shodhana.transcripts.domain.matcher import Thresholds
from shodhana.transcripts.domain.pipeline import TranscriptCorrector

from tests.eval.measures import (
    Judged,
    Peer,
    TalkFigures,
    applied,
    calibration_error,
    corrected,
    interval,
    suggested,
)
from tests.eval.pictures import draw_precision, draw_reliability
from tests.eval.tried import TRIED, missed
from training.core import LocalSearch, LocalVectorizer, Unscored, glossary_entries
from training.talks import ASR, Talk, talks, word_pairs

PAGE = PROJECT / "docs" / "evaluation.md"
IMAGES = PROJECT / "docs" / "images"
COLUMNS = (
    *("recording", "words", "terms said", "applied", "right", "wrong", "English", "suggested", "ECE", "seconds"),
    *("peer applied", "peer right", "peer wrong", "peer English"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-page", action="store_true", help="print only")
    parser.add_argument("--quick", action="store_true", help="without ablations")
    arguments = parser.parse_args()
    if not ASR.exists():
        print(f"skipped: no development data at {ASR}")
        return 0
    entries = glossary_entries()
    vectorizer = LocalVectorizer()
    search, peer = LocalSearch(entries, vectorizer), Peer(entries)
    corrector = TranscriptCorrector(search, Unscored(), None, WordFrequencies())
    recordings = list(talks(entries))
    terms = {entry.term for entry in entries}
    lines = [*head(len(entries)), *pairs_table(corrector, peer, terms), *missed(corrector, terms)]
    figures = [corrected(corrector, talk) for talk in recordings]
    lines += talks_table(recordings, figures, [peer.corrected(talk) for talk in recordings])
    if not arguments.quick:
        lines += ablations(search, LocalSearch(entries, vectorizer, use_phonetic=False), recordings)
    lines += [*TRIED.splitlines(), ""]
    print("\n".join(lines))
    if not arguments.no_page:
        judged = [one for figure in figures for one in figure.judged]
        draw_reliability(judged, IMAGES / "reliability.png")
        draw_precision(judged, IMAGES / "precision.png")
        lines += ["![Reliability](images/reliability.png) ![Precision and coverage](images/precision.png)", ""]
        PAGE.write_text("\n".join(lines), encoding="utf-8")
        print(f"written: {PAGE.relative_to(PROJECT)}")
    return 0


def head(entry_count: int) -> Iterator[str]:
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(GLOSSARY.glob("*.tsv")))).hexdigest()
    yield "# Evaluation"
    yield ""
    yield f"Measured by `make eval` on {date.today()}. Glossary frozen at {entry_count} entries, sha256 {digest[:16]};"
    yield f"combiner {combiner().version}. Intervals are bootstrap 95 %. The pairs and talks also trained the combiner:"
    yield "`python -m training.combiner` prints its calibration error on each talk when trained without it."
    yield ""


def pairs_table(corrector: TranscriptCorrector, peer: Peer, terms: set[str]) -> Iterator[str]:
    yield "## Terms alone"
    yield ""
    yield "Heard → right. A term that the glossary lacks counts as an error in the first four columns of figures."
    yield ""
    yield "| set | pairs | acc@1 | recall@5 | peer acc@1 | peer recall@5 | in glossary | acc@1 of these | recall@5 |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for title, pairs in word_pairs().items():
        ours, theirs = suggested(corrector, pairs), peer.suggested(pairs)
        known = [result for result, (_, right, _) in zip(ours, pairs, strict=True) if right in terms]
        cells = [share([bool(first) for first, _ in ours]), share([among for _, among in ours])]
        cells += [f"{sum(row[k] for row in theirs) / len(theirs):.2f}" for k in (0, 1)]
        cells += [str(len(known)), share([first for first, _ in known]), share([among for _, among in known])]
        yield f"| {title} | {len(pairs)} | " + " | ".join(cells) + " |"
    yield ""


def talks_table(
    recordings: Sequence[Talk], figures: Sequence[TalkFigures], peers: Sequence[list[Judged]]
) -> Iterator[str]:
    yield "## Talks"
    yield ""
    yield "Places where the verified transcript tells what was said. English edits: applied where no term was said, for"
    yield "1,000 words. Seconds are processor time in one process, everything cold."
    yield ""
    yield "| " + " | ".join(COLUMNS) + " |"
    yield "|" + "---|" * len(COLUMNS)
    for talk, figure, theirs in zip(recordings, figures, peers, strict=True):
        done = applied(figure.judged)
        cells = [talk.name, figure.word_count, figure.said_count, len(done), *counts(done)]
        cells += [len(figure.judged) - len(done), f"{calibration_error(figure.judged):.3f}", f"{figure.seconds:.1f}"]
        yield "| " + " | ".join(map(str, [*cells, len(theirs), *counts(theirs)])) + " |"
    yield ""
    judged = [one for figure in figures for one in figure.judged]
    words = sum(figure.word_count for figure in figures)
    for title, done in (("ours", applied(judged)), ("peer", [one for theirs in peers for one in theirs])):
        faulty = [one.truth != "right" for one in done]
        low, high = interval([float(one) for one in faulty])
        english = sum(one.truth == "english" for one in done)
        yield f"- {title}: {len(done)} applied, {sum(faulty) / max(1, len(done)):.1%} not right "
        yield f"  ({low:.1%}–{high:.1%}), {1000 * english / words:.2f} English edits in 1,000 words"
    yield f"- calibration error of corrections and suggestions together: {calibration_error(judged):.3f}"
    yield f"- left to an expert: {len(judged) - len(applied(judged))} places in {words} words"
    yield ""


def ablations(search: LocalSearch, without_phonetic: LocalSearch, recordings: Sequence[Talk]) -> Iterator[str]:
    """Each part taken away in turn."""
    yield "## What each part brings"
    yield ""
    yield "| without | applied | right | wrong | English | suggested |"
    yield "|---|---|---|---|---|---|"
    unguarded = Thresholds(english_guard=False)
    for title, found, options in (
        ("nothing", search, CorrectionOptions()),
        ("phonetic vectors", without_phonetic, CorrectionOptions()),
        ("context", search, CorrectionOptions(use_context=False)),
        ("document prior", search, CorrectionOptions(use_mentions=False)),
        ("English guard", search, CorrectionOptions(thresholds=unguarded)),
    ):
        corrector = TranscriptCorrector(found, Unscored(), None, WordFrequencies())
        judged = [one for talk in recordings for one in corrected(corrector, talk, options).judged]
        done = applied(judged)
        yield "| " + " | ".join(map(str, [title, len(done), *counts(done), len(judged) - len(done)])) + " |"
    yield ""


def counts(judged: Sequence[Judged]) -> list[int]:
    return [sum(one.truth == truth for one in judged) for truth in ("right", "wrong", "english")]


def share(results: Sequence[bool]) -> str:
    low, high = interval([float(one) for one in results])
    return f"{sum(results) / max(1, len(results)):.2f} ({low:.2f}–{high:.2f})"


if __name__ == "__main__":
    sys.exit(main())
