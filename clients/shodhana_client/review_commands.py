"""The commands `shodhana review …`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .groups import OrderedGroup, examples
from .options import file_path, profile_of

DOMAINS = ("spiritual", "philosophical", "scriptural", "general")
domains_of = click.option(
    "--domain",
    "domains",
    multiple=True,
    type=click.Choice(DOMAINS),
    help="Cases of this domain only; may be repeated.  [default: those of your preferences]",
)
escalated_too = click.option("--escalated", is_flag=True, help="Cases that others escalated or disagree on, too.")
as_typed_of = click.option(
    "--as-typed", is_flag=True, help='Take text as it is: aa is not read as ā, nor .t as ṭ, "s as ś.'
)


class ReviewGroup(OrderedGroup):
    """Begins to review where no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return click.Group.parse_args(self, ctx, args)


@click.group(
    cls=ReviewGroup,
    invoke_without_command=True,
    epilog=examples("shodhana review", "shodhana review --line --domain scriptural --limit 10"),
)
@click.option("--line", is_flag=True, help="One question after another, for plain terminals, screen readers and pipes.")
@domains_of
@click.option("--limit", type=click.IntRange(min=1), help="End after so many cases.")
@escalated_too
@as_typed_of
@profile_of
@click.pass_context
def review(
    ctx: click.Context,
    line: bool,
    domains: tuple[str, ...],
    limit: int | None,
    escalated: bool,
    as_typed: bool,
    profile: Path | None,
) -> None:
    """Decide doubtful places, one after another; without a command, on a screen of the whole terminal.

    Keys there: a accept, c correct, x reject, s skip, e escalate, u undo, ? help.
    """
    if ctx.invoked_subcommand is not None:
        return
    from .commands.review import review_by_line, review_by_screen
    from .review.desk import Wanted

    wanted = Wanted(domains, limit, escalated)
    sys.exit(review_by_line(wanted, as_typed, profile) if line else review_by_screen(wanted, as_typed, profile))


@review.command("checkout", epilog=examples("shodhana review checkout --limit 50 --output cases.tsv"))
@click.option("--output", "-o", type=file_path, required=True, metavar="FILE", help="The file to write; a new one.")
@click.option("--limit", default=20, type=click.IntRange(1, 500), show_default=True, help="Cases.")
@click.option("--hours", default=24, type=click.IntRange(1, 24), show_default=True, help="For how long they are yours.")
@domains_of
@escalated_too
@profile_of
def review_checkout(
    output: Path, limit: int, hours: int, domains: tuple[str, ...], escalated: bool, profile: Path | None
) -> None:
    """Write cases to a table that you fill in offline, in a spreadsheet or an editor.

    Nobody else is given them meanwhile. `apply` sends what you filled in.
    """
    from .commands.review_files import check_out
    from .review.desk import Wanted

    sys.exit(check_out(output, Wanted(domains, limit, escalated), hours, profile))


@review.command("apply", epilog=examples("shodhana review apply cases.tsv", "shodhana review apply cases.tsv --check"))
@click.argument("file", type=file_path)
@click.option("--check", is_flag=True, help="Only say what is wrong with it.")
@as_typed_of
@profile_of
def review_apply(file: Path, check: bool, as_typed: bool, profile: Path | None) -> None:
    """Send the decisions in FILE, which `checkout` wrote. Sent twice they count once.

    Rows without a verdict are left for later. A row that cannot be read or decided is named with its line, and stops no
    other: the exit code is 1 then.
    """
    from .commands.review_files import apply

    sys.exit(apply(file, check, as_typed, profile))
