"""How what the legs of a search found becomes one ranking, and the reasons given for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .index import Path
from .lexicon import Entry
from .query import Kind, Mode, Options, Query, Reason

SOUND_SHARE, LEXICAL_SHARE, PHONETIC_SHARE = 0.6, 0.2, 0.2
SEMANTIC_SHARE = 0.15  # of the score, where there is a context
FOLDED_ALIAS = 0.95  # score of the reason where the spelling itself is not listed
RRF_K = 60


@dataclass(slots=True)
class Legs:
    """What each leg found for one query, by entry."""

    exact: set[int] = field(default_factory=set)
    alias: set[int] = field(default_factory=set)
    lexical: dict[int, float] = field(default_factory=dict)
    phonetic: dict[int, float] = field(default_factory=dict)
    sound: dict[int, float] = field(default_factory=dict)
    semantic: dict[int, float] = field(default_factory=dict)
    path: Path | None = None
    """How the vectors were found; None where none were compared."""


def weighted(entry_id: int, legs: Legs, mode: Mode, has_context: bool) -> float:
    lexical, phonetic = legs.lexical.get(entry_id, 0.0), legs.phonetic.get(entry_id, 0.0)
    if mode is Mode.SEMANTIC:
        return legs.semantic.get(entry_id, 0.0)
    if mode is Mode.PHONETIC:
        return phonetic
    spelling = SOUND_SHARE * legs.sound.get(entry_id, 0.0) + LEXICAL_SHARE * lexical
    if mode is Mode.LEXICAL or not legs.phonetic:
        score = spelling / (SOUND_SHARE + LEXICAL_SHARE)
    else:
        score = spelling + PHONETIC_SHARE * phonetic
    if has_context and legs.semantic:
        score = (1 - SEMANTIC_SHARE) * score + SEMANTIC_SHARE * legs.semantic.get(entry_id, 0.0)
    return score


def reciprocal_ranks(legs: Legs) -> dict[int, float]:
    """Sum of 1/(k + rank) over the legs, scaled so that first everywhere is 1."""
    used = [leg for leg in (legs.sound, legs.lexical, legs.phonetic, legs.semantic) if leg]
    total = dict.fromkeys(legs.exact | legs.alias, 0.0)
    for leg in used:
        for rank, entry_id in enumerate(sorted(leg, key=lambda found: -leg[found]), 1):
            total[entry_id] = total.get(entry_id, 0.0) + (RRF_K + 1) / (RRF_K + rank) / len(used)
    return total


def best_forms(
    row: NDArray[np.float32], form_entries: NDArray[np.int64], columns: NDArray[np.int64] | None, count: int
) -> dict[int, float]:
    """The best form of each of the nearest `count` entries and a few more; fewer only where there are no more."""
    values = row if columns is None else row[columns]
    taken = 4 * count  # an entry has several forms
    while True:
        nearest = np.argpartition(values, -taken)[-taken:] if taken < len(values) else np.arange(len(values))
        owners = form_entries[nearest if columns is None else columns[nearest]]
        best: dict[int, float] = {}
        order = np.argsort(values[nearest])[::-1]
        for owner, value in zip(owners[order].tolist(), values[nearest[order]].tolist(), strict=True):
            best.setdefault(owner, value)
        if len(best) >= count or taken >= len(values):
            return best
        taken *= 4


def grouped(entries: list[Entry], options: Options) -> list[Entry]:
    """The entries less those whose group already has its share."""
    if not options.group_by:
        return entries
    seen: Counter[str] = Counter()
    kept = []
    for entry in entries:
        group = getattr(entry, options.group_by)
        seen[group] += 1
        if seen[group] <= options.group_size:
            kept.append(entry)
    return kept


def reasons_of(entry: Entry, query: Query, legs: Legs) -> list[Reason]:
    entry_id = entry.entry_id
    reasons = []
    if entry_id in legs.exact:
        reasons.append(Reason(Kind.EXACT, 1.0, "spelled as in the glossary"))
    elif entry_id in legs.alias:
        heard = query.heard.casefold()
        if heard in entry.aliases:
            reasons.append(Reason(Kind.ALIAS, 1.0, f"a popular spelling of {entry.term}"))
        else:
            reasons.append(Reason(Kind.ALIAS, FOLDED_ALIAS, "differs by popular spelling only"))
    if entry_id in legs.phonetic:
        reasons.append(
            Reason(Kind.PHONETIC, legs.phonetic[entry_id], f"sounds like it ({legs.phonetic[entry_id]:.2f})")
        )
    if entry_id in legs.sound:
        reasons.append(Reason(Kind.SOUND, legs.sound[entry_id], f"is often heard so ({legs.sound[entry_id]:.2f})"))
    if entry_id in legs.lexical:
        reasons.append(Reason(Kind.LEXICAL, legs.lexical[entry_id], f"spelled like it ({legs.lexical[entry_id]:.2f})"))
    if entry_id in legs.semantic:
        reasons.append(
            Reason(Kind.SEMANTIC, legs.semantic[entry_id], f"fits the context ({legs.semantic[entry_id]:.2f})")
        )
    return sorted(reasons, key=lambda reason: -reason.score)
