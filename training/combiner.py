"""Trains the combiner: from the features of candidates to one calibrated probability.

    .venv-torch/bin/python -m training.combiner [--output FILE]

Data: garbled hearings of the glossary's terms (noise model), rare English words and names that mean no term, the
development pairs, and, where the development talks are, every place of theirs. Prints, and keeps in the table, how the
pairs are ranked when trained without their terms; prints the calibration error on each talk when trained without it.
Seeds are fixed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from shodhana.similarity.domain.lexicon import Entry
from shodhana.sound.garble import garbler
from shodhana.sound.units import units_of_iast
from shodhana.text.tokens import tokenize
from shodhana.transcripts.domain import combiner as shipped
from shodhana.transcripts.domain.casing import readings_of
from shodhana.transcripts.domain.english import COMMON, WordFrequencies
from shodhana.transcripts.domain.features import FEATURES, Reading, Surroundings, features_of, prior_of
from shodhana.transcripts.domain.matcher import is_certain
from shodhana.transcripts.domain.ports import Candidate, Evidence, Heard
from shodhana.transcripts.domain.spans import Span, contexts_of, spans_of
from shodhana.transcripts.domain.vocabulary import commonness_of
from sklearn.isotonic import IsotonicRegression
from wordfreq import top_n_list

from .core import LocalSearch, LocalVectorizer, glossary_entries
from .held_out import FOLDS, HeldOut, fold_of, heard_pairs, judged
from .talks import ASR, Talk, talks, word_pairs

OUTPUT = Path(shipped.__file__).with_name(shipped.TABLE)
SEED = 7
GARBLED, ENGLISH_WORDS = 4000, 2000
SEARCHED, USED = 16, 10  # candidates found and learned from, a span
REAL_WEIGHT = 3.0
TIER_SHARES = (0.15, 0.30, 0.55)  # of the hearings, by commonness 0, 1, 2: of terms said in the talks .05, .25, .7
NO_PHONETIC_SHARE = 0.1  # of the garbled terms, as while the embedding service is away
MENTIONED_SHARE = 0.5
ALIAS_SHARE = 0.3
UNLISTED_SHARE = 0.1  # of the hearings mean a word that the glossary lacks
DOUBTFUL_SCORE = 0.5
TIE = 0.02  # share of the uncalibrated probability, so that calibration makes no ties
REGULARISATION = 3.0
SPEAKS_AGAINST = frozenset({"words", "english", "english_least", "listed_english", "name", "recogniser_doubt"})
SPEAKS_FOR = frozenset(FEATURES) - SPEAKS_AGAINST - {"no_phonetic"}
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """A span with what was found for it, and what it means (nothing: plain English). `group` is a talk, or empty."""

    span: Span
    reading: Reading
    terms: frozenset[str]
    mentions: Mapping[str, int]
    group: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of features; those of one example stand together."""

    values: Values
    labels: NDArray[np.bool_]
    weights: Values
    examples: NDArray[np.int64]
    groups: NDArray[np.str_]

    def part(self, chosen: NDArray[np.bool_]) -> Table:
        return Table(
            self.values[chosen], self.labels[chosen], self.weights[chosen], self.examples[chosen], self.groups[chosen]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    search = LocalSearch(glossary_entries(), LocalVectorizer())
    examples = asyncio.run(collect(search))
    table = table_of(examples)
    print(f"{len(table.labels)} candidates of {table.examples.max() + 1} places", flush=True)
    figures = held_out_pairs(table, examples, search) if ASR.exists() else []
    for figure in figures:
        print(f"  {figure}", flush=True)
    for group in sorted(set(table.groups) - {"", "pairs"}):
        without, held_out = table.part(table.groups != group), table.part(table.groups == group)
        calibrated = trained(without)
        print(f"  {group}: calibration error {calibration_error(calibrated, held_out):.3f} (trained without it)")
    combiner = trained(table)
    write(combiner, figures, arguments.output)
    for name, weight in zip(FEATURES, combiner.weights, strict=True):
        print(f"  {name:<18}{weight:>8.2f}")
    print(f"{arguments.output}: version {combiner.version}")


def held_out_pairs(table: Table, examples: Sequence[Example], search: LocalSearch) -> list[HeldOut]:
    """The development pairs, those of each fold of terms ranked by a combiner that was trained without these."""
    pairs = heard_pairs(search)
    folds = np.array([fold_of(example.terms) if example.group == "pairs" else -1 for example in examples])
    ranks = [trained(table.part(folds[table.examples] != fold)) for fold in range(FOLDS)]
    return judged(pairs, ranks, {entry.term for entry in search.entries})


async def collect(search: LocalSearch) -> list[Example]:
    """All examples."""
    examples = await garbled(search) + await english(search)
    if ASR.exists():
        examples += await pairs(search)
        for talk in talks(search.entries):
            examples += await places(talk, search)
    else:
        print(f"no development data at {ASR}: trained on made hearings alone")
    return examples


async def garbled(search: LocalSearch) -> list[Example]:
    """Hearings of terms, the common ones more often."""
    chooser = random.Random(SEED)
    chosen = chooser.choices(search.entries, chances(search.entries), k=GARBLED)
    noises = [garbler(SEED + number, roughness / 4) for number, roughness in enumerate(range(5))]
    heard = [
        chooser.choice(entry.aliases)
        if entry.aliases and chooser.random() < ALIAS_SHARE
        else chooser.choice(noises).hear(units_of_iast(entry.term))
        for entry in chosen
    ]
    spans = [lone_span(word, chooser.random() < 0.3) for word in heard]
    examples = await found(search, spans, [frozenset({entry.term}) for entry in chosen], ["" for _ in chosen])
    return [_varied(example, chooser) for example in examples if example.span.frequency < COMMON]


def chances(entries: Sequence[Entry]) -> list[float]:
    """How often each term is drawn: each tier of commonness its share, within it the terms that print knows more."""
    tiers = [commonness_of(entry.term) for entry in entries]
    print_counts = [0.5 + prior_of(entry.term) for entry in entries]
    totals = [sum(one for one, of in zip(print_counts, tiers, strict=True) if of == tier) for tier in range(3)]
    return [TIER_SHARES[tier] * one / totals[tier] for tier, one in zip(tiers, print_counts, strict=True)]


def _varied(example: Example, chooser: random.Random) -> Example:
    """As in a talk that names the term more often, or while vectors are missing, or if the glossary lacked it."""
    mentions: dict[str, int] = {}
    if chooser.random() < UNLISTED_SHARE:
        others = tuple(one for one in example.reading.candidates if one.term not in example.terms)
        example = Example(example.span, Reading(example.reading.inflected, others), frozenset(), {})
    elif chooser.random() < MENTIONED_SHARE:
        mentions = dict.fromkeys(example.terms, chooser.randint(1, 12))
    elif chooser.random() < 0.1 and example.reading.candidates:
        mentions = {chooser.choice(example.reading.candidates).term: chooser.randint(1, 3)}
    reading = example.reading
    if chooser.random() < NO_PHONETIC_SHARE:
        reading = Reading(reading.inflected, tuple(_without_phonetic(one) for one in reading.candidates))
    return Example(example.span, reading, example.terms, mentions)


def _without_phonetic(candidate: Candidate) -> Candidate:
    evidence = {kind: score for kind, score in candidate.evidence.items() if kind is not Evidence.PHONETIC}
    return Candidate(candidate.term, candidate.domain, candidate.gloss, "", candidate.score, evidence, ())


async def english(search: LocalSearch) -> list[Example]:
    """Rare English words and names that are no term."""
    chooser = random.Random(SEED)
    known = [word for word in top_n_list("en", 120_000, wordlist="large") if word.isascii() and word.isalpha()]
    rare = [word for word in known if len(word) > 3 and WordFrequencies.frequency(word) < COMMON]
    spans = [lone_span(word, chooser.random() < 0.4) for word in chooser.sample(rare, ENGLISH_WORDS)]
    examples = await found(search, spans, [frozenset() for _ in spans], ["" for _ in spans])
    return [one for one in examples if not any(is_certain(candidate) for candidate in one.reading.candidates)]


async def pairs(search: LocalSearch) -> list[Example]:
    """The development pairs."""
    rows = [row for rows in word_pairs().values() for row in rows]
    spans = [lone_span(heard, False) for heard, _, _ in rows]
    contexts = [context for _, _, context in rows]
    examples = await found(search, spans, [frozenset({right}) for _, right, _ in rows], contexts)
    return [replace(one, group="pairs") for one in examples if one.span.frequency < COMMON]


async def places(talk: Talk, search: LocalSearch) -> list[Example]:
    """Every place of a talk where it is known what was said."""
    spans, terms = [], []
    for cue in talk.transcript.cues:
        said = [one for one in talk.said if one.cue == cue.index]
        for span in spans_of(cue, WordFrequencies()):
            if any((cue.index, token.start, token.end) not in talk.known for token in span.tokens):
                continue
            over = [one for one in said if one.start < span.end and span.start < one.end]
            if any((one.start, one.end) != (span.start, span.end) for one in over):
                continue
            spans.append(span)
            terms.append(over[0].terms if over else frozenset[str]())
    context = contexts_of(talk.transcript.cues)
    mentions: dict[str, int] = {}
    for one in talk.said:
        for term in one.terms:
            mentions[term] = mentions.get(term, 0) + 1
    alone = await found(search, spans, terms, ["" for _ in spans])
    contexts = [context(one.span) if _is_doubtful(one.reading) else "" for one in alone]
    examples = await found(search, spans, terms, contexts)
    group = talk.name.split("_")[0]
    return [
        replace(one, mentions=_others(mentions, one.terms), group=group)
        for one in examples
        if one.terms or not any(is_certain(candidate) for candidate in one.reading.candidates)
    ]  # a word that spells a term where the verified text has another tells of the text, not of the word


def _is_doubtful(reading: Reading) -> bool:
    """About the places that the correction looks at in their context."""
    certain = sum(is_certain(candidate) for candidate in reading.candidates)
    return certain > 1 or (certain == 0 and _best_score(reading) >= DOUBTFUL_SCORE)


def _others(mentions: Mapping[str, int], own: frozenset[str]) -> dict[str, int]:
    return {term: count - (term in own) for term, count in mentions.items()}


async def found(
    search: LocalSearch, spans: Sequence[Span], terms: Sequence[frozenset[str]], contexts: Sequence[str]
) -> list[Example]:
    """The spans with their candidates."""
    readings = [readings_of(span.text) for span in spans]
    asked = [
        Heard(reading.base, context) for several, context in zip(readings, contexts, strict=True) for reading in several
    ]
    lists = iter((await search.find(asked, SEARCHED, "")).lists)
    examples = []
    for span, several, right, context in zip(spans, readings, terms, contexts, strict=True):
        each = [Reading(reading, next(lists)) for reading in several]
        examples.append(Example(span, max(each, key=_best_score), right, {}, context=context))
    return examples


def _best_score(reading: Reading) -> float:
    return max((candidate.score for candidate in reading.candidates), default=0.0)


def lone_span(text: str, is_name_like: bool) -> Span:
    """A span without a transcript."""
    tokens = tuple(tokenize(text))
    frequencies = [WordFrequencies.frequency(token.text.casefold()) for token in tokens] or [0.0]
    return Span(1, 0, len(text), text, tokens, max(frequencies), is_name_like, min(frequencies))


def table_of(examples: Sequence[Example]) -> Table:
    """The likeliest candidates of each example, as rows."""
    rows: list[tuple[tuple[float, ...], bool, float, int, str]] = []
    for number, example in enumerate(examples):
        surroundings = Surroundings(example.mentions, context=example.context)
        for candidate in example.reading.candidates[:USED]:
            values = features_of(example.span, example.reading, candidate, surroundings)
            weight = REAL_WEIGHT if example.group else 1.0
            rows.append((values, candidate.term in example.terms, weight, number, example.group))
    values, labels, weights, numbers, groups = zip(*rows, strict=True)
    return Table(np.array(values), np.array(labels), np.array(weights), np.array(numbers), np.array(groups))


def trained(table: Table) -> shipped.Combiner:
    """Weights fitted to all rows, calibration to the best candidates of folds they were not fitted to."""
    folds = table.examples % 5
    raw = np.zeros(len(table.labels))
    for fold in range(5):
        weights, bias = _fitted(table.part(folds != fold))
        raw[folds == fold] = expit(table.values[folds == fold] @ weights + bias)
    best = _best_rows(table, raw)
    isotonic = IsotonicRegression(y_min=0.001, y_max=0.999, out_of_bounds="clip")
    isotonic.fit(raw[best], table.labels[best], sample_weight=table.weights[best])
    knots = [
        (round(float(x), 5), round(float((1 - TIE) * y + TIE * x), 5))
        for x, y in zip(isotonic.X_thresholds_, isotonic.y_thresholds_, strict=True)
    ]
    weights, bias = _fitted(table)
    rounded, bias = tuple(round(float(weight), 4) for weight in weights), round(bias, 4)
    version = hashlib.blake2b(repr((rounded, bias, knots)).encode(), digest_size=4).hexdigest()
    return shipped.Combiner(rounded, bias, tuple(knots), version)


def _fitted(table: Table) -> tuple[Values, float]:
    """Weights and bias of a logistic function, each weight of the sign that a linguist expects: what sounds alike never
    speaks against a term."""
    bounds = [(0 if name in SPEAKS_FOR else None, 0 if name in SPEAKS_AGAINST else None) for name in FEATURES]
    rows, truth, count = table.values, table.labels.astype(float), table.values.shape[1]

    def loss(parameters: Values) -> tuple[float, Values]:
        evidence = rows @ parameters[:count] + parameters[count]
        error = table.weights * (expit(evidence) - truth)
        value = np.sum(table.weights * (np.logaddexp(0, evidence) - truth * evidence))
        penalty = parameters[:count] / REGULARISATION
        gradient = np.append(rows.T @ error + penalty, error.sum())
        return float(value + penalty @ parameters[:count] / 2), gradient

    found = minimize(loss, np.zeros(count + 1), jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)])
    return found.x[:count], float(found.x[count])


def _best_rows(table: Table, raw: Values) -> NDArray[np.int64]:
    """The row of the likeliest candidate of each example."""
    order = np.lexsort((raw, table.examples))
    numbers = table.examples[order]
    return order[np.append(numbers[1:] != numbers[:-1], True)]


def calibration_error(combiner: shipped.Combiner, table: Table, bins: int = 10) -> float:
    """Expected calibration error of the best candidates: the mean distance of probability and truth over bins."""
    probabilities = np.array([combiner.probability(row) for row in table.values])
    best = _best_rows(table, probabilities)
    chosen, truth = probabilities[best], table.labels[best]
    places = np.minimum((chosen * bins).astype(int), bins - 1)
    parts = [(places == place) for place in range(bins) if (places == place).any()]
    return float(sum(abs(chosen[part].mean() - truth[part].mean()) * part.mean() for part in parts))


def write(combiner: shipped.Combiner, figures: Sequence[HeldOut], path: Path) -> None:
    """The table that `shodhana.transcripts` reads, with what was measured when trained without what was measured."""
    content = {
        "version": combiner.version,
        "bias": combiner.bias,
        "features": dict(zip(FEATURES, combiner.weights, strict=True)),
        "held_out": [asdict(figure) for figure in figures],
        "calibration": combiner.knots,
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
