"""Attested forms: what the list says, and that only that is missing without it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing

import pytest
from shodhana.quality.adapters.inria_forms import InriaForms, installed_forms
from shodhana.quality.domain.attested import AttestedForms, NoForms
from shodhana.quality.domain.lexicon import KnownTerms
from shodhana.quality.domain.scoring import score_transcript
from shodhana.quality.domain.values import Cue, Policy, Report, Status, Term, Transcript

KNOWN = KnownTerms.of("lexiconVersions/1", [(term, False) for term in ("dhyāna", "kṛṣṇa", "prāṇa")])
IN_SLP1 = ("karmaRA", "yogasya", "saNgamas", "punar", "ahaNkAram", "kfzRA", "mahA", "Atman", "viveka", "Ananda")


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> InriaForms:
    """A small file in the layout of the package's."""
    path = tmp_path_factory.mktemp("forms") / "forms.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE forms(form text primary key, pos integer)")
        connection.executemany("INSERT INTO forms VALUES (?, 1)", [(form,) for form in IN_SLP1])
    return InriaForms(path, "small 1")


def score(line: str, forms: AttestedForms | None, terms: tuple[Term, ...] = ()) -> Report:
    return score_transcript(Transcript((Cue(1, None, None, line),), (), terms), KNOWN, Policy(), forms)


@pytest.mark.parametrize("word", ["karmaṇā", "Yogasya", "saṃgamaḥ", "saṅgamaḥ", "punaḥ", "ahaṃkāraṃ", "KṚṢṆĀ"])
def test_a_form_is_found_however_its_nasals_and_its_end_are_written(forms: InriaForms, word: str) -> None:
    assert forms.among([word, "treāding"]) == {word}


@pytest.mark.parametrize(("word", "is_one"), [("vivekānanda", True), ("mahātman", True), ("vivekamāla", False)])
def test_a_compound_of_two_attested_forms_is_attested(forms: InriaForms, word: str, is_one: bool) -> None:
    assert (word in forms.among([word])) is is_one


def test_many_words_are_looked_up_at_once(forms: InriaForms) -> None:
    assert forms.among([*(f"kāla{number}" for number in range(3000)), "karmaṇā"]) == {"karmaṇā"}
    assert forms.among([]) == frozenset()


def test_inflected_forms_are_right_where_they_are_attested_and_unknown_without_the_list(forms: InriaForms) -> None:
    line = "karmaṇā and dhyāna"
    with_list, without = score(line, forms), score(line, None)
    assert with_list.scores.sanskrit_accuracy == 1.0
    assert with_list.doubts == ()
    assert with_list.attested_forms == "small 1"
    assert without.scores.sanskrit_accuracy == 0.75
    assert [(doubt.text, doubt.probability, doubt.reason) for doubt in without.doubts] == [
        ("karmaṇā", 0.5, "unknown_form")
    ]
    assert without.attested_forms == ""
    # nothing else changes
    assert with_list.scores.iast_compliance == without.scores.iast_compliance == 1.0
    assert with_list.violations == without.violations == ()
    assert with_list.sanskrit_token_count == without.sanskrit_token_count == 2


def test_an_attested_form_is_not_its_neighbour_misspelled(forms: InriaForms) -> None:
    assert score("Kṛṣṇā came", forms).violations == ()
    assert [one.expected for one in score("Kṛṣṇā came", None).violations] == [("Kṛṣṇa",)]
    assert [one.expected for one in score("prāna flows", forms).violations] == [("prāṇa",)]


def test_a_doubtful_word_without_diacritics_is_right_where_its_very_form_is_attested(forms: InriaForms) -> None:
    doubtful = (Term(1, 0, 7, Status.UNRESOLVED, 0.6, "yoga"),)
    found = score("yogasya way", forms, doubtful)
    assert (found.violations, found.requires_review) == ((), False)
    assert score("yogasya way", None, doubtful).requires_review
    garbled = (Term(1, 0, 7, Status.UNRESOLVED, 0.6, "bhakti"),)
    assert score("yogasya way", forms, garbled).requires_review


def test_a_short_word_without_diacritics_is_no_form() -> None:
    class AllForms:
        version = "all"

        def among(self, words: Collection[str]) -> frozenset[str]:
            return frozenset(words)

    report = score("baki", AllForms(), (Term(1, 0, 4, Status.UNRESOLVED, 0.9, "bhakti"),))
    assert [one.rule for one in report.violations] == ["unresolved_term"]


def test_the_installed_list_is_read_where_it_is() -> None:
    installed = installed_forms()
    if installed is None:
        pytest.skip("package sanskrit-parser is not installed")
    found = installed.among(["karmaṇā", "yogasya", "bhagavadgītāyām", "treāding", "vrishnamayya"])
    assert found >= {"karmaṇā", "yogasya"}
    assert found.isdisjoint({"treāding", "vrishnamayya"})


def test_without_the_package_there_is_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shodhana.quality.adapters.inria_forms.PACKAGE", "no_such_package_here")
    assert installed_forms() is None
    assert NoForms().among(["karmaṇā"]) == frozenset()
