"""The commands `backup`, `restore` and `verify`; what they need is imported when they run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ..command_line import USAGE, directory_of, example, fail, place_of

KINDS = ("logical", "physical", "embeddings", "redis", "all")
target_of = click.option(
    "--target",
    metavar="PLACE",
    help="Folder, or s3://BUCKET/PREFIX.  [default: $SHODHANA_BACKUP_TARGET, or backups in DIR]",
)
KEYS = """
    Keys are age's. SHODHANA_BACKUP_RECIPIENTS names public ones (age1…), SHODHANA_BACKUP_KEY_FILE a file with the
    secret one, SHODHANA_BACKUP_KEY is the secret one itself. There is no default, and nothing is stored unencrypted.
"""


class _Backup(click.Group):
    """Takes a backup where no other command is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=_Backup,
    short_help="Back the stack up, encrypted; list, prune.",
    invoke_without_command=True,
    epilog=example(
        "shodhana backup key /root/backup.key",
        "shodhana backup",
        "shodhana backup --kind logical --target s3://backups/shodhana",
        "shodhana backup --metrics /var/lib/prometheus/node-exporter/shodhana_backup.prom",
        "shodhana backup list",
    ),
)
@click.option("--kind", type=click.Choice(KINDS), default="all", show_default=True, help="all: not embeddings.")
@click.option("--full", is_flag=True, help="Physical: every file, also where what changed would do.")
@click.option(
    "--metrics",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the age of each kind there (*.prom), for node_exporter.",
)
@directory_of
@target_of
@click.pass_context
def backup(context: click.Context, /, directory: Path | None, target: str | None, **how: Any) -> None:
    """Back the stack up, encrypted, into a folder or S3.

    \b
    logical     a dump of the database with the hash of every table
    physical    the cluster's files, or what changed in them; with the archived log, any point in time
    embeddings  the vectors alone (they are in both of the others)
    redis       the broker: queued tasks and sessions

    DATABASE_URL and CELERY_BROKER_URL stand for servers of your own.

    Exit code 0: taken, 1: error, 2: usage.
    """
    context.obj = (directory, target)
    if context.invoked_subcommand is None:
        from .reports import take_backups

        kinds = KINDS[:2] + KINDS[3:4] if how["kind"] == "all" else (how["kind"],)
        sys.exit(take_backups(place_of(directory), target, kinds, how["full"], how["metrics"]))


backup.help = f"{backup.help}\n{KEYS}"


@backup.command("list", short_help="List the backups.", epilog=example("shodhana backup list --json"))
@directory_of
@target_of
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_backups(outer: Any, directory: Path | None, target: str | None, as_json: bool) -> None:
    """List the backups, the oldest first, and what is archived of the log."""
    from .reports import list_all

    sys.exit(list_all(place_of(directory or outer[0]), target or outer[1], as_json))


@backup.command(epilog=example("shodhana backup prune --keep-daily 7 --keep-weekly 4 --dry-run"))
@click.option("--keep-last", default=2, type=click.IntRange(1), show_default=True, help="The newest of each kind.")
@click.option("--keep-daily", default=7, type=click.IntRange(0), show_default=True, help="Days with one.")
@click.option("--keep-weekly", default=4, type=click.IntRange(0), show_default=True, help="Weeks with one.")
@click.option("--keep-monthly", default=6, type=click.IntRange(0), show_default=True, help="Months with one.")
@click.option("--dry-run", is_flag=True, help="Only tell.")
@directory_of
@target_of
@click.pass_obj
def prune(outer: Any, /, directory: Path | None, target: str | None, dry_run: bool, **keep: int) -> None:
    """Delete old backups, and the log that none needs any more.

    Kept in any case: the newest one of each kind whose stored bytes are right, and what increments build on.
    """
    from .reports import prune_backups

    counts = {name.removeprefix("keep_"): count for name, count in keep.items()}
    sys.exit(prune_backups(place_of(directory or outer[0]), target or outer[1], counts, dry_run))


@backup.command(epilog=example("shodhana backup key /root/backup.key"))
@click.argument("file", type=click.Path(path_type=Path))
def key(file: Path) -> None:
    """Make a key in FILE, and print its public half.

    Keep FILE also where the machine's end does not reach it: without it no backup can be restored, by anybody.
    """
    from .keys import KEY_FILE, RECIPIENTS, make_key

    try:
        public = make_key(file)
    except FileExistsError:
        fail(f"{file} is there already: a key is not overwritten, it opens the backups made with it", USAGE)
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    click.echo(public)
    click.echo(
        f"\nto back up:            export {RECIPIENTS}={public}\n"
        f"to restore and verify: export {KEY_FILE}={file.resolve()}\n"
        "Copy the file to a safe place off this machine now.",
        err=True,
    )


@backup.command(
    "archive-wal",
    short_help="Archive a segment of the log (archive_command).",
    epilog=example("archive_command = 'shodhana backup archive-wal %p'"),
)
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--data", type=click.Path(path_type=Path), default=Path(), help="Data directory.  [default: here]")
@target_of
@click.pass_obj
def archive_wal(outer: Any, path: Path, data: Path, target: str | None) -> None:
    """Archive a segment of the log: the archive_command of a Postgres of your own.

    The stack's own Postgres needs none: started with a key in the environment, it archives by itself.
    """
    from .reports import archive_segment

    sys.exit(archive_segment(path, data, target or outer[1]))


@click.command(
    short_help="Restore a backup, a point in time, a lost table.",
    epilog=example(
        "shodhana restore latest-physical --to /srv/shodhana && shodhana up --dir /srv/shodhana",
        "shodhana restore latest-physical --to /srv/before --at 2026-11-28T18:00:00Z",
        "shodhana restore latest-physical --table review.expert_decisions --at 2026-11-28T18:00:00Z",
        "shodhana restore 20261128T180124Z-logical --live",
    ),
)
@click.argument("backup_id", metavar="ID")
@click.option(
    "--to", "to", type=click.Path(path_type=Path), metavar="DIR", help="Into a stack's directory, not running."
)
@click.option("--live", is_flag=True, help="Into the running stack of --dir, or DATABASE_URL: logical, embeddings.")
@click.option("--table", "tables", multiple=True, metavar="NAME", help="Only this lost table, into the running stack.")
@click.option("--at", metavar="TIME", help="Physical: as it was then (2026-11-28T18:00:00Z; UTC where it has no zone).")
@click.option("--force", is_flag=True, help="Also where something is there: it is moved aside, not deleted.")
@click.option("--confirm", metavar="NAME", help="Answers the question that --force asks.")
@directory_of
@target_of
def restore(backup_id: str, directory: Path | None, target: str | None, **options: Any) -> None:
    """Restore the backup ID: a name that `backup list` shows, `latest` or `latest-KIND`.

    With --at, `latest-physical` is the last one before that time.

    What is restored is compared with what was backed up. Where something is there, --force and the written name
    of it are needed, and it is moved aside.

    Exit code 0: restored and the same, 1: error, 2: usage.
    """
    from .restore_command import RestoreOptions, restore_backup

    chosen = RestoreOptions(**options)
    if fault := chosen.fault():
        fail(fault, USAGE)
    sys.exit(restore_backup(place_of(directory), target, backup_id, chosen))


@click.command(
    short_help="Check a backup.",
    epilog=example("shodhana verify latest-physical", "shodhana verify 20261128T180124Z-logical --deep"),
)
@click.argument("backup_id", metavar="ID")
@click.option("--deep", is_flag=True, help="Restore it into a server for the length of the check, and compare.")
@directory_of
@target_of
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(backup_id: str, deep: bool, directory: Path | None, target: str | None, as_json: bool) -> None:
    """Check the backup ID, what it builds on, and the log after it.

    Without the secret key only what is stored is compared with its hashes.

    Exit code 0: good, 1: damaged or an error, 2: usage, 3: good as far as it could be checked.
    """
    from .reports import verify_backup

    sys.exit(verify_backup(place_of(directory), target, backup_id, deep, as_json))
