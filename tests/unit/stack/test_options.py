"""What the user may choose, and how it is understood."""

from __future__ import annotations

import pytest
from shodhana.stack.options import OptionInvalid, StackOptions, login_url, options_from
from shodhana.stack.topology import ROWS, chosen_rows, replicas_of


def names(options: StackOptions) -> list[str]:
    return [replica.name for replica in replicas_of(chosen_rows(options), options)]


def test_a_number_alone_counts_for_every_service_and_a_name_for_one() -> None:
    options = options_from({}, ["2", "similarity=3", "worker=1"])
    assert options.replicas_of("quality") == 2
    assert options.replicas_of("similarity") == 3
    assert [name for name in names(options) if name.startswith("similarity")] == [
        "similarity-1",
        "similarity-2",
        "similarity-3",
    ]
    assert "worker" in names(options)


@pytest.mark.parametrize("text", ["0", "similarity=0", "=2", "similarity=", "two", "similarity=21", "-1"])
def test_replicas_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(OptionInvalid, match="--replicas"):
        options_from({}, [text])


def test_replicas_of_an_unknown_program_are_refused_with_the_known_names() -> None:
    with pytest.raises(OptionInvalid, match="no similarty; there are identity, embedding"):
        chosen_rows(options_from({}, ["similarty=2"]))


@pytest.mark.parametrize("value", ["false", "False", "0", "no"])
def test_the_core_engine_alone_has_neither_embedding_nor_review(value: str) -> None:
    running = set(names(options_from({"ENABLE_EPIC_3": value})))
    assert not running & {"embedding", "review"}
    assert {"identity", "similarity", "quality", "transcripts"} <= running


def test_an_empty_variable_replaces_nothing() -> None:
    assert options_from({"DATABASE_URL": "", "REDIS_URL": ""}).database_url is None


def test_every_service_that_is_called_is_in_the_table() -> None:
    known = {row.name for row in ROWS}
    assert all(set(row.calls) <= known for row in ROWS)


def test_a_role_logs_in_to_the_same_database_with_its_own_password() -> None:
    url = login_url(
        "postgresql://owner:secret@db.example:5433/lectures?sslmode=require", "shodhana_quality", "p@ss/word"
    )
    assert url == "postgresql://shodhana_quality:p%40ss%2Fword@db.example:5433/lectures?sslmode=require"
