"""The table of everything that runs: which program needs which, and what each is told."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from .options import OptionInvalid, StackOptions, default_workers
from .places import GLOSSARY, MODEL, VERSES


@dataclass(frozen=True, slots=True)
class Row:
    """One service, or one kind of worker."""

    name: str
    command: tuple[str, ...]
    calls: tuple[str, ...] = ()
    """Services that must be healthy first."""
    stores: tuple[str, ...] = ()
    """Of "database", "cache", "broker"."""
    schema: str | None = None
    account: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    is_semantic: bool = False
    """Left out of the core engine alone."""
    serves: bool = True
    """False: a worker, which has no port."""
    default_replicas: int = 1


def _service(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"shodhana.{name}")


# Gossip and mingle are talk among workers that nobody here listens to, and cost a second of the start.
_WORKER = (
    *(sys.executable, "-m", "celery", "--app", "shodhana.transcripts.tasks", "worker"),
    *("--pool", "solo", "--loglevel", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat"),
)
_CACHED = ("database", "cache")
_QUEUED = ("database", "cache", "broker")
_CORRECTION = ("similarity", "quality", "review")

ROWS = (
    Row("identity", _service("identity"), stores=_QUEUED, schema="identity"),
    Row(
        "embedding",
        _service("embedding"),
        stores=("cache",),
        environment={"SEMANTIC_MODEL_PATH": str(MODEL)},
        is_semantic=True,
    ),
    Row(
        "similarity",
        _service("similarity"),
        calls=("identity", "embedding"),
        stores=_CACHED,
        schema="similarity",
        account="similarity",
        environment={"GLOSSARY_PATH": str(GLOSSARY), "VERSES_PATH": str(VERSES)},
    ),
    Row("quality", _service("quality"), ("similarity",), _CACHED, schema="quality", account="quality"),
    Row("review", _service("review"), ("similarity",), _CACHED, schema="review", account="review", is_semantic=True),
    Row(
        "transcripts",
        _service("transcripts"),
        calls=_CORRECTION,
        stores=_QUEUED,
        schema="transcripts",
        account="transcripts",
    ),
    Row(
        "worker",
        _WORKER,
        calls=_CORRECTION,
        stores=_QUEUED,
        schema="transcripts",
        account="transcripts",
        serves=False,
        default_replicas=default_workers(),
    ),
)
GATEWAY, SUPERVISOR = "gateway", "supervisor"
CERTIFIED = (*(row.name for row in ROWS), GATEWAY, SUPERVISOR)
"""Who has a certificate of the mesh: replicas of a service share one."""
SCHEMAS = tuple(dict.fromkeys(row.schema for row in ROWS if row.schema))


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of a row; its name has a number where there are several."""

    row: Row
    name: str
    peers: int


def chosen_rows(options: StackOptions) -> tuple[Row, ...]:
    """The rows of this stack. Raises OptionInvalid for replicas of a program that does not exist."""
    if unknown := set(options.replicas) - {row.name for row in ROWS} - {""}:
        raise OptionInvalid(f"--replicas: no {', '.join(unknown)}; there are {', '.join(row.name for row in ROWS)}")
    return tuple(row for row in ROWS if options.is_semantic or not row.is_semantic)


def replicas_of(rows: tuple[Row, ...], options: StackOptions) -> tuple[Replica, ...]:
    """Every process, in the order of the table."""
    return tuple(
        Replica(row, row.name if count == 1 else f"{row.name}-{number}", count)
        for row in rows
        for count in (options.replicas_of(row.name, row.default_replicas),)
        for number in range(1, count + 1)
    )
