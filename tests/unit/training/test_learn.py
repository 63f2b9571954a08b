"""What decided pairs teach the ear and the calibration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from shodhana.sound.distance import SoundDistance
from shodhana.sound.noise import NoiseModel, noise_model, read_rules
from shodhana.sound.units import units_of_iast
from shodhana.transcripts.domain.combiner import Combiner

from training.confusion import HeardPair, aligned, learned, written
from training.learn import NOISE_TABLE, Figures, calibration_error, read_pairs, recalibrated, uncalibrated

BEFORE = Figures(count=10, first=7, among_five=9, applied_wrong=1, calibration_error=0.1)
KNOTS = tuple((place / 10, place / 10) for place in range(11))
WEIGHTS = Combiner((1.0,), 0.0, KNOTS, "test")


def cost(model: NoiseModel, heard: str, term: str) -> float:
    return float(SoundDistance(model).costs([heard], [units_of_iast(term)])[0])


def test_a_pair_is_aligned_sound_by_sound() -> None:
    steps = aligned(noise_model(), HeardPair("baki", "bhakti"))
    assert "".join(letters for _, letters in steps).replace("#", "") == "baki"
    assert [sound for sounds, _ in steps for sound in sounds] == list(units_of_iast("bhakti"))


def test_a_hearing_that_experts_confirm_often_becomes_likelier_and_others_of_that_sound_less_so() -> None:
    pairs = [
        HeardPair(heard, term) for heard, term in (("bondu", "bandhu"), ("ronga", "raṅga"), ("monda", "manda"))
    ] * 5
    model = learned(noise_model(), pairs)
    assert cost(model, "songo", "saṅga") < cost(noise_model(), "songo", "saṅga")
    assert cost(model, "sanga", "saṅga") > cost(noise_model(), "sanga", "saṅga")
    assert all(0 < rule.weight <= 1 for rule in model.rules.values())


def test_without_pairs_nothing_changes_and_the_table_stays_as_it_is() -> None:
    text = NOISE_TABLE.read_text(encoding="utf-8")
    assert learned(noise_model(), []).version == noise_model().version
    assert written(text, noise_model()) == text


def test_what_was_learned_is_read_again_from_the_table() -> None:
    model = learned(noise_model(), [HeardPair("kutichaka", "kuṭīcaka")] * 4)
    rules = read_rules(written(NOISE_TABLE.read_text(encoding="utf-8"), model))
    assert NoiseModel({(rule.sounds, rule.letters): rule for rule in rules}).version == model.version


def test_probabilities_move_towards_what_was_decided_and_keep_their_order() -> None:
    moved = recalibrated(WEIGHTS, [(0.75, False)] * 60)
    values = [probability for _, probability in moved.knots]
    assert values == sorted(values)
    assert moved.calibrated(0.75) < 0.7
    assert moved.calibrated(0.1) == pytest.approx(0.1, abs=0.02)
    assert moved.version != WEIGHTS.version
    assert recalibrated(WEIGHTS, []).knots == KNOTS


def test_the_raw_value_of_a_probability_is_found_again() -> None:
    assert uncalibrated(WEIGHTS, 0.33) == pytest.approx(0.33, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "is_worse"),
    [
        ({}, False),
        ({"first": 8}, False),
        ({"first": 6}, True),
        ({"among_five": 8}, True),
        ({"applied_wrong": 2}, True),
        ({"calibration_error": 0.104}, False),
        ({"calibration_error": 0.12}, True),
    ],
)
def test_anything_that_is_worse_refuses(change: dict[str, float], is_worse: bool) -> None:
    assert replace(BEFORE, **change).is_worse_than(BEFORE) is is_worse  # type: ignore[arg-type]


def test_calibration_error_is_the_distance_of_promise_and_truth() -> None:
    assert calibration_error([(0.9, True), (0.9, False)]) == pytest.approx(0.4)
    assert calibration_error([]) == 0


def test_a_row_that_is_no_pair_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text("heard\tterm\texperts\nbaki\tbhakti\t2\nbaki\tbhakti\tmany\n")
    with pytest.raises(ValueError, match="line 3"):
        read_pairs(file)
