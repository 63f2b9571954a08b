"""The side-by-side page: one file, no scripts, nothing fetched; changes are told by lines, not colour alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from html import escape

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from .score_page import STYLE, places_section, scores_section
from .shares import hundredths
from .verse_page import verses_section

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --add: #0a7d3b; --del: #b3261e; --ask: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --add: #6fdd8b; --del: #ff8a80; --ask: #f2c14e; } }
body { font: 16px/1.5 "Gentium Plus", Charis, "Noto Serif", Georgia, serif; }
body { max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
td.time { font: .8rem/1.9 ui-monospace, monospace; white-space: nowrap; opacity: .75; }
del { color: var(--del); text-decoration: line-through 2px; }
ins { color: var(--add); text-decoration: underline 2px; font-weight: 600; }
mark { background: none; color: var(--ask); text-decoration: underline dotted 2px; }
small { opacity: .8; } .absent { opacity: .6; }
@media (max-width: 40rem) {
  td { display: block; border: 0; } tr { border-bottom: 1px solid var(--line); display: block; }
}
"""


def page_of(response: pb.CorrectTranscriptResponse) -> str:
    """The page of a corrected file; the response must hold its cues."""
    report = response.report
    title = escape(report.filename)
    applied = sum(c.status == pb.CORRECTION_STATUS_APPLIED for c in report.corrections)
    asked = len(report.corrections) - applied
    review = "An expert has to look at it." if report.requires_review else "No expert has to look at it."
    missing = "".join(f"<p><strong>Incomplete:</strong> {escape(text)}.</p>" for text in report.degradations)
    rows = "\n".join(_rows(response))
    texts = {cue.index: cue.corrected for cue in response.cues}
    times = {cue.index: _time(cue) for cue in response.cues}
    details = verses_section(report.verses, times) + places_section(report, texts, times)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
        f"<p>{applied} corrections applied, {asked} suggested, lexicon {escape(report.lexicon_version)}. {review}</p>"
        f"{missing}\n{scores_section(report)}\n"
        "<p><small><del>struck</del> was heard, <ins>underlined</ins> stands there now, "
        "<mark>dotted</mark> is doubtful and unchanged, its likeliest term beside it; rest on a change for its reasons."
        "</small></p>\n"
        f"<table><thead><tr><th>Time</th><th>As heard</th><th>Corrected</th></tr></thead><tbody>\n{rows}\n"
        f"</tbody></table>\n{details}\n</body></html>\n"
    )


def _rows(response: pb.CorrectTranscriptResponse) -> Iterator[str]:
    by_cue: dict[int, list[pb.Correction]] = defaultdict(list)
    for correction in response.report.corrections:
        by_cue[correction.cue].append(correction)
    for cue in response.cues:
        before, after = _marked(cue.original, by_cue[cue.index])
        yield f'<tr id="cue-{cue.index}"><td class="time">{_time(cue)}</td><td>{before}</td><td>{after}</td></tr>'


def _time(cue: pb.CuePair) -> str:
    return clock(cue.start_ms) if cue.HasField("start_ms") else str(cue.index)


def _marked(text: str, corrections: list[pb.Correction]) -> tuple[str, str]:
    """The text as heard and as corrected, with each change marked."""
    before, after, position = [], [], 0
    for correction in sorted(corrections, key=lambda found: found.start):
        plain = escape(text[position : correction.start])
        heard = escape(text[correction.start : correction.end])
        title = f' title="{escape(_reason(correction), quote=True)}"'
        if correction.status == pb.CORRECTION_STATUS_APPLIED:
            before += [plain, f"<del>{heard}</del>"]
            after += [plain, f"<ins{title}>{escape(correction.corrected)}</ins>"]
        else:
            before += [plain, heard]
            after += [plain, f"<mark{title}>{heard}</mark> <small>({escape(correction.corrected)}?)</small>"]
        position = correction.end
    rest = escape(text[position:])
    return "".join([*before, rest]), "".join([*after, rest])


def _reason(correction: pb.Correction) -> str:
    lines = [f"{correction.heard} → {correction.corrected} ({hundredths(correction.probability)})"]
    for candidate in correction.candidates:
        shown = f"{candidate.term} {candidate.devanagari} {hundredths(candidate.probability)}"
        lines.append(f"{shown}: {candidate.gloss} [{'; '.join(candidate.reasons)}]")
    return "\n".join(lines)


def clock(milliseconds: int) -> str:
    """1:02:03 of milliseconds."""
    seconds = milliseconds // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
