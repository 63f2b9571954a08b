"""Entries and versions as values."""

from __future__ import annotations

from dataclasses import replace

from shodhana.similarity.domain.lexicon import Entry, content_hash_of, diff, merged

BHAKTI = Entry("bhakti", "spiritual", "", "noun", "devotion", ("bhakthi", "bakthi"), source="glossary/a.tsv")
YOGA = Entry("yoga", "spiritual", "", "noun", "union", source="an import")


def test_spellings_of_one_fold_are_one_form_and_the_term_comes_first() -> None:
    kali = Entry("kālī", "spiritual", "", "name", "the goddess", ("Kali", "Kaali", "Kalee", "Kalika"))
    assert list(kali.forms.values()) == ["kālī", "Kalika"]


def test_a_hash_changes_with_the_content_and_not_with_the_number() -> None:
    assert replace(BHAKTI, entry_id=7).content_hash == BHAKTI.content_hash
    assert replace(BHAKTI, gloss="love").content_hash != BHAKTI.content_hash
    bhakti, yoga = BHAKTI.content_hash, YOGA.content_hash
    assert content_hash_of([bhakti, yoga]) == content_hash_of([yoga, bhakti])
    assert content_hash_of([bhakti]) != content_hash_of([yoga])


def test_a_merge_replaces_the_entry_of_the_same_term_and_domain_only() -> None:
    better = replace(BHAKTI, gloss="love")
    elsewhere = replace(BHAKTI, domain="general")
    entries, replaced = merged([BHAKTI, YOGA], [better, elsewhere], None)
    assert entries == [better, YOGA, elsewhere]
    assert replaced == 1


def test_a_new_glossary_drops_its_old_entries_and_leaves_those_of_others() -> None:
    decided = replace(YOGA, gloss="union, as an expert put it")
    entries, _ = merged([BHAKTI, decided], [replace(YOGA, source="glossary/b.tsv")], "glossary/")
    assert entries == [decided]


def test_a_difference_tells_added_removed_and_changed() -> None:
    changed = replace(YOGA, gloss="yoking")
    added = Entry("japa", "spiritual", "", "noun", "repetition")
    assert diff([BHAKTI, YOGA], [changed, added]) == [(BHAKTI, None), (None, added), (YOGA, changed)]
    assert diff([BHAKTI], [replace(BHAKTI, entry_id=9)]) == []
