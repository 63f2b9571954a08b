"""A running mesh that is asked for something else says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from shodhana.stack.chosen import chosen_by, refusal_of
from shodhana.stack.options import default_workers, options_from
from shodhana.stack.state import Phase, StackState

WORKERS = ["worker=2"]
KEY = {"SHODHANA_BACKUP_RECIPIENTS": "age1example"}


def running(environment: dict[str, str] | None = None) -> StackState:
    """A mesh with two workers whose gateway has port 21000."""
    chosen = chosen_by(options_from(environment or {}, WORKERS))
    return StackState(Path("/stack"), Phase.READY, addresses={"grpc": "localhost:21000"}, chosen=chosen)


def refusal(
    environment: dict[str, str], replicas: list[str], port: int | None = None, state: StackState | None = None
) -> str | None:
    return refusal_of(options_from(environment, replicas, port), environment, state or running())


def test_more_workers_are_refused_with_what_runs_and_what_to_do() -> None:
    said = refusal({}, ["worker=8"])
    assert said is not None
    assert "already running in /stack with worker=2 (not 8)" in said
    assert "`shodhana down --dir /stack` first, then `shodhana up --detach --dir /stack --replicas worker=8`" in said


def test_what_is_not_named_stays_in_the_advice() -> None:
    said = refusal({}, ["quality=3"], port=31999)
    assert said is not None
    assert "quality=1 (not 3), --port 21000 (not 31999)" in said
    assert "--replicas quality=3" in said
    assert ("--replicas worker=2" in said) is (default_workers() != 2)
    assert "--port 31999`" in said


@pytest.mark.parametrize(
    ("environment", "replicas", "port"),
    [({}, [], None), ({}, WORKERS, None), ({}, ["1", "worker=2"], 21000), ({"ENABLE_EPIC_3": "true"}, [], None)],
)
def test_what_equals_what_runs_is_not_refused(environment: dict[str, str], replicas: list[str], port: int) -> None:
    assert refusal(environment, replicas, port) is None


def test_a_number_alone_asks_for_every_service() -> None:
    said = refusal({}, ["2"])
    assert said is not None
    assert "identity=1 (not 2)" in said
    assert "worker=2 (" not in said


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (KEY, "no archive of Postgres' log, though a backup key is set now"),
        ({"ENABLE_EPIC_3": "false"}, "ENABLE_EPIC_3 true (not false)"),
        ({"RATE_LIMIT_SUBJECT_PER_S": "7"}, "RATE_LIMIT_SUBJECT_PER_S 500 (not 7)"),
        ({"DATABASE_URL": "postgresql://me:word@db/x"}, "DATABASE_URL unset (not postgresql://db/x)"),
    ],
)
def test_the_environment_is_compared_too(environment: dict[str, str], words: str) -> None:
    said = refusal(environment, [])
    assert said is not None
    assert words in said
    assert refusal(environment, [], state=running(environment)) is None


def test_a_mesh_that_archives_needs_no_key_to_be_named_again() -> None:
    assert refusal({}, [], state=running(KEY)) is None


def test_no_secret_is_kept() -> None:
    environment = {
        "DATABASE_URL": "postgresql://me:word@db/x?password=word",
        "REDIS_URL": "redis://:word@cache/0",
        "OIDC_CLIENT_SECRET": "word",
    }
    assert "word" not in str(chosen_by(options_from(environment)))
