"""What experts decided, worked into entries."""

from __future__ import annotations

import pytest
from shodhana.similarity.domain.amendment import NO_GLOSS, SOURCE, Change, Effect, TermInvalid, amended, check
from shodhana.similarity.domain.lexicon import Entry
from shodhana.text.fold import popular_fold

BHAKTI = Entry("bhakti", "spiritual", "yoga", "noun", "devotion", aliases=("bhakthi",), source="glossary/yoga.tsv")
NEW = Change("vāsudhā", "vasuda", "spiritual", gloss="earth")


def test_an_unknown_term_becomes_an_entry_with_what_was_heard_as_a_spelling() -> None:
    touched = amended([], {}, [NEW])
    assert [outcome.effect for outcome in touched.outcomes] == [Effect.ENTRY_ADDED]
    [entry] = touched.added
    assert (entry.term, entry.aliases, entry.gloss, entry.source) == ("vāsudhā", ("vasuda",), "earth", SOURCE)


def test_a_known_term_gets_a_spelling_and_loses_it_again_without_a_trace() -> None:
    there = amended([BHAKTI], {}, [Change("bhakti", "baki", "general")])
    assert there.added[0].aliases == ("bhakthi", "baki")
    back = amended(there.added, {}, [Change("bhakti", "baki", "general", is_removal=True)])
    assert back.added == (BHAKTI,)
    assert back.outcomes[0].effect is Effect.ALIAS_REMOVED


def test_a_term_that_came_by_decisions_goes_with_its_last_spelling() -> None:
    made = amended([], {}, [NEW, Change("vāsudhā", "bosuda", "spiritual")])
    assert [outcome.effect for outcome in made.outcomes] == [Effect.ENTRY_ADDED, Effect.ALIAS_ADDED]
    less = amended(made.added, {}, [Change("vāsudhā", "vasuda", "spiritual", is_removal=True)])
    assert less.added[0].aliases == ("bosuda",)
    gone = amended(less.added, {}, [Change("vāsudhā", "bosuda", "spiritual", is_removal=True)])
    assert gone.added == ()
    assert [entry.term for entry in gone.removed] == ["vāsudhā"]


def test_what_the_lexicon_has_already_changes_nothing() -> None:
    touched = amended([BHAKTI], {"bhakti": frozenset({"bhakti"})}, [Change("bhakti", "Bhakthi", "spiritual")])
    assert touched.outcomes[0].effect is Effect.NONE
    assert not touched.added
    assert not touched.removed


def test_a_spelling_of_another_term_is_refused_unless_rivals_are_allowed() -> None:
    owners = {popular_fold("vasuda"): frozenset({"vasudhā"})}
    refused = amended([], owners, [NEW])
    assert (refused.outcomes[0].effect, refused.outcomes[0].rivals) == (Effect.REFUSED, ("vasudhā",))
    assert not refused.added
    change = Change(NEW.term, NEW.heard, NEW.domain, allows_rivals=True)
    assert amended([], owners, [change]).outcomes[0].effect is Effect.ENTRY_ADDED


def test_a_term_that_is_no_iast_is_refused_by_name() -> None:
    with pytest.raises(TermInvalid) as caught:
        check([NEW, Change("wasudha!", "vasuda", "spiritual")])
    assert [violation.field for violation in caught.value.violations] == ["changes[1].term"]


def test_a_term_without_a_meaning_says_so_and_can_be_exported_and_imported() -> None:
    touched = amended([], {}, [Change("vāsudhā", "vasuda", "spiritual")])
    assert touched.added[0].gloss == NO_GLOSS
