"""The commands `psql` and `redis`: into the stores of a mesh that runs; what they need is imported when they run."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .command_line import directory_of, example, fail, place_of

RAW = {"ignore_unknown_options": True, "allow_interspersed_args": False}
ANSWER_S = 10.0
READ_ONLY = "-c default_transaction_read_only=on"


@click.command(
    context_settings=RAW,
    epilog=example("shodhana psql -c 'SELECT pid, state, query FROM pg_stat_activity'", "shodhana psql --write"),
)
@directory_of
@click.option("--write", is_flag=True, help="Let statements change data.")
@click.argument("arguments", nargs=-1, metavar="[ARGS]...", type=click.UNPROCESSED)
def psql(directory: Path | None, write: bool, arguments: tuple[str, ...]) -> None:
    """Open psql, with its own ARGS, on the mesh's database, as its owner.

    DATABASE_URL stands for a server of your own. Data cannot be changed unless --write is given: services run, and
    what they have in memory does not know.
    """
    from .backup.errors import BackupError
    from .backup.source import source_of
    from .backup.tools import libpq_environment
    from .postgres import programs

    try:
        environment = os.environ | libpq_environment(source_of(place_of(directory)).postgres_url)
    except BackupError as error:
        fail(str(error))
    if not write:
        environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} {READ_ONLY}".strip()
    program = str(programs() / "psql")
    os.execve(program, [program, *arguments], environment)


@click.command(context_settings=RAW, epilog=example("shodhana redis cache INFO stats", "shodhana redis broker DBSIZE"))
@directory_of
@click.argument("purpose", metavar="cache|broker", type=click.Choice(["cache", "broker"]))
@click.argument("words", nargs=-1, required=True, metavar="COMMAND...", type=click.UNPROCESSED)
def redis(directory: Path | None, purpose: str, words: tuple[str, ...]) -> None:
    """Ask one of the mesh's two Redis servers a COMMAND, as redis-cli would."""
    from redis import Redis, RedisError

    from .credentials import known_secrets
    from .state import read_state

    place = place_of(directory)
    ports = [part.port for part in read_state(place).parts if part.name == f"redis-{purpose}" and part.pid]
    password = known_secrets(place.secrets).get(purpose)
    if not ports or ports[0] is None:
        fail(f"no {purpose} of a mesh's own runs in {place.root}: `shodhana status` shows what does")
    try:
        # Protocol 2, without callbacks: the answer as redis-cli shows it, not as Python would have it.
        with Redis(
            port=ports[0], password=password, protocol=2, decode_responses=True, socket_timeout=ANSWER_S
        ) as client:
            client.response_callbacks.clear()
            answer = client.execute_command(*words)
    except RedisError as error:
        fail(str(error))
    for line in answer if isinstance(answer, list) else [answer]:
        click.echo("(nil)" if line is None else line)
