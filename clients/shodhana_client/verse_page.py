"""The part of the side-by-side page that names recited verses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from .shares import hundredths


def verses_section(verses: Iterable[pb.RecognisedVerse], times: Mapping[int, str]) -> str:
    """A table of the verses; `times` are those of the cues. Empty where nothing is recited."""
    rows = "\n".join(_row(verse, times.get(verse.first_cue, "")) for verse in verses)
    if not rows:
        return ""
    return (
        "<h2>Recited verses</h2>\n<p><small>Each is a suggestion: the file holds what was heard.</small></p>\n"
        "<table><thead><tr><th>Time</th><th>As heard</th><th>Verse</th><th>Reading</th><th>Why</th></tr></thead>"
        f"<tbody>\n{rows}\n</tbody></table>\n"
    )


def _row(verse: pb.RecognisedVerse, time: str) -> str:
    reading = "<br>".join(escape(line) for line in verse.lines) or '<span class="absent">of no imported text</span>'
    devanagari = "<br>".join(escape(line) for line in verse.devanagari.splitlines())
    reference = escape(verse.reference) or '<span class="absent">unknown</span>'
    return (
        f'<tr><td class="time"><a href="#cue-{verse.first_cue}">{escape(time)}</a></td><td>{escape(verse.heard)}</td>'
        f"<td>{reference}<br><small>{hundredths(verse.confidence)}, suggested</small></td>"
        f'<td>{reading}<br><small lang="sa">{devanagari}</small></td><td><small>{_reasons(verse)}</small></td></tr>'
    )


def _reasons(verse: pb.RecognisedVerse) -> str:
    return "<br>".join(map(escape, verse.reasons))
