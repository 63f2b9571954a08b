"""Lines of verses cut into their pādas, by syllables."""

from __future__ import annotations

import re

from shodhana.text.normalize import nfc

LONGEST_PADA = 13  # syllables
USUAL_PADA = 11
_VOWEL = re.compile("ai|au|[aāiīuūṛṝḷḹeo]")


def syllable_count(iast: str) -> int:
    """Syllables of a text in IAST."""
    return len(_VOWEL.findall(nfc(iast).casefold()))


def padas_of(line: str) -> list[str]:
    """A line in its pādas: ślokas by eight syllables, others in about equal parts. A cut may go through a word."""
    ends = [match.end() for match in _VOWEL.finditer(line.casefold())]
    count = len(ends)
    if count <= LONGEST_PADA:
        return [line]
    is_sloka = count % 8 == 0 and count != 24
    parts = count // 8 if is_sloka else max(2, round(count / USUAL_PADA))
    cuts = [_after_syllable(line, ends[count * part // parts - 1]) for part in range(1, parts)]
    return [line[start:end] for start, end in zip([0, *cuts], [*cuts, len(line)], strict=True)]


def _after_syllable(line: str, end: int) -> int:
    """Where a syllable that has its vowel before `end` is over: at the next space, if its consonants reach so far."""
    space = re.match("[^ aāiīuūṛṝḷḹeo]*[ ]", line[end:])
    return end + (space.end() if space else len(re.match("[ṃḥ]?", line[end:]).group()))  # type: ignore[union-attr]
