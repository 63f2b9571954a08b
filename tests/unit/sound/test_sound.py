"""How Sanskrit is garbled: as data, as a distance, as noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shodhana.sound.distance import sound_distance
from shodhana.sound.garble import garbler
from shodhana.sound.noise import noise_model, read_rules
from shodhana.sound.units import heard_letters, units_of_iast, units_of_popular

TERMS = [
    "bhakti",
    "prārabdha",
    "viṣṇumāyā",
    "jñāna",
    "dhyāna",
    "kuṇḍalinī",
    "sahasrāra",
    "kṣatriya",
    "saṃcita",
    "śaṅkha",
]


def cost(heard: str, term: str) -> float:
    return float(sound_distance().costs([heard], [units_of_iast(term)])[0])


def test_a_term_is_read_as_sounds_aspirates_and_diphthongs_as_one() -> None:
    assert units_of_iast("Dhyāna") == ("#", "dh", "y", "ā", "n", "a", "#")
    assert units_of_iast("vaiṣṇava bhakti")[1:4] == ("v", "ai", "ṣ")
    assert units_of_popular("chhaya") == ("#", "ch", "a", "y", "a", "#")
    assert heard_letters("Śaṅkha's") == "#shankhas#"


@pytest.mark.parametrize(
    ("heard", "right", "wrong"),
    [
        ("baki", "bhakti", "mukti"),
        ("praabda", "prārabdha", "śabda"),
        ("vrishnamayya", "viṣṇumāyā", "mahāmāyā"),
        ("gyan", "jñāna", "gaṇa"),
        ("dnyaneshwar", "jñāneśvara", "maheśvara"),
        ("satshi", "sākṣī", "sakhī"),
        ("wishudi", "viśuddhi", "siddhi"),
        ("sahastrara", "sahasrāra", "śāstra"),
        ("lakshman", "lakṣmaṇa", "lakṣaṇa"),
        ("swadyaya", "svādhyāya", "adhyāya"),
    ],
)
def test_what_was_said_costs_less_than_another_term(heard: str, right: str, wrong: str) -> None:
    assert cost(heard, right) < cost(heard, wrong)


def test_costs_do_not_depend_on_the_company() -> None:
    heard = ["baki", "vrishnamayya", "gyan", "satshi", "k"] * 3
    terms = (TERMS + TERMS)[: len(heard)]
    together = sound_distance().costs(heard, [units_of_iast(term) for term in terms])
    alone = [cost(word, term) for word, term in zip(heard, terms, strict=True)]
    assert np.allclose(together, alone, atol=1e-5)
    assert sound_distance().costs([], []).shape == (0,)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TERMS), st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 1.0]))
def test_what_the_model_makes_the_distance_explains(term: str, seed: int, roughness: float) -> None:
    heard = garbler(seed, roughness).hear(units_of_iast(term))
    assert heard
    assert heard.isascii()
    assert heard.islower()
    assert np.isfinite(cost(heard, term))


def test_rougher_hearings_cost_more() -> None:
    costs = [
        np.mean([cost(noise.hear(units_of_iast(term)), term) for term in TERMS for _ in range(30)])
        for noise in (garbler(1, 0.0), garbler(1, 1.0))
    ]
    assert costs[1] > 1.5 * costs[0]


def test_the_same_seed_hears_the_same() -> None:
    first, again = garbler(5, 0.7), garbler(5, 0.7)
    assert [first.hear(units_of_iast(term)) for term in TERMS] == [again.hear(units_of_iast(term)) for term in TERMS]


def test_every_kind_of_garbling_of_the_design_is_listed() -> None:
    kinds = {rule.kind for rule in noise_model().rules.values()}
    assert kinds >= {
        *("aspiration", "retroflex", "vowel length", "sibilants", "v w b", "j as z", "final a", "nasal", "schwa loss"),
        "English near-word",
    }


@pytest.mark.parametrize("row", ["k\tk\tmuch\tkept", "k\tk\t0\tkept", "k\tk\t1.5\tkept", "k"])
def test_a_broken_row_of_the_table_is_named_by_its_line(row: str) -> None:
    with pytest.raises(ValueError, match="line 2"):
        list(read_rules(f"true\theard\tweight\tkind\n{row}\n"))
