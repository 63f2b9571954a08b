"""The commands `shodhana review …`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .groups import OrderedGroup, examples
from .options import CaseNumber, file_path, opened, profile_of, web_of
from .selection import as_json

STATES = ("pending", "in-review", "approved", "rejected", "needs-revision", "expert-escalation")
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
@click.option("--web", is_flag=True, help="Open the dashboard in the browser.")
@profile_of
@click.pass_context
def review(
    ctx: click.Context,
    line: bool,
    domains: tuple[str, ...],
    limit: int | None,
    escalated: bool,
    as_typed: bool,
    web: bool,
    profile: Path | None,
) -> None:
    """Decide doubtful places: without a command, on a screen of the whole terminal.

    Keys there: a accept, c correct, x reject, s skip, e escalate, u undo, ? help.
    """
    if ctx.invoked_subcommand is not None:
        return
    if web:
        sys.exit(opened("review", profile))
    from .commands.review import review_by_line, review_by_screen
    from .review.desk import Wanted

    wanted = Wanted(domains, limit, escalated)
    sys.exit(review_by_line(wanted, as_typed, profile) if line else review_by_screen(wanted, as_typed, profile))


@review.command("list", epilog=examples("shodhana review list --mine", "shodhana review list --json name,heard"))
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="In this state.  [default: open]")
@click.option("--domain", "domains", multiple=True, type=click.Choice(DOMAINS), help="Of this domain; may be repeated.")
@click.option("--file", "filename", default="", help="Of this file.")
@click.option("--mine", is_flag=True, help="That you hold.")
@click.option("--decided-by-me", is_flag=True, help="That you decided, the last first.")
@click.option("--limit", default=20, type=click.IntRange(1, 1000), show_default=True, help="Rows.")
@as_json(answers=("review get-case",))
@web_of
@profile_of
def review_list(
    states: tuple[str, ...],
    domains: tuple[str, ...],
    filename: str,
    mine: bool,
    decided_by_me: bool,
    limit: int,
    as_json: bool,
    web: bool,
    profile: Path | None,
) -> None:
    """List cases in the order of the queue."""
    if web:
        sys.exit(opened("queue", profile))
    from .commands.cases import list_cases

    wanted: dict[str, Any] = {"domains": domains, "filename": filename}
    wanted["states"] = [f"CASE_STATE_{state.upper().replace('-', '_')}" for state in states]
    wanted |= {"holder": "me"} if mine else {}
    wanted |= {"expert": "me", "order": "CASE_ORDER_LAST_DECIDED"} if decided_by_me else {}
    sys.exit(list_cases(wanted, limit, as_json, profile))


@review.command("show", epilog=examples("shodhana review show 678", "shodhana review show 678 --web"))
@click.argument("case", type=CaseNumber())
@as_json(answers=("review get-case",), has_arguments=True)
@web_of
@profile_of
def review_show(case: int, as_json: bool, web: bool, profile: Path | None) -> None:
    """Show a case and what was decided."""
    if web:
        sys.exit(opened(f"reviewCases/{case}", profile))
    from .commands.cases import show_case

    sys.exit(show_case(str(case), as_json, profile))


@review.command("drafts", epilog=examples("shodhana review drafts"))
@as_json("name", "review_case", "verdict", "decided_text", "comment", "create_time", "state", "heard")
@profile_of
def review_drafts(as_json: bool, profile: Path | None) -> None:
    """List what you sent for cases that were no longer yours."""
    from .commands.cases import list_drafts

    sys.exit(list_drafts(as_json, profile))


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
    """Write cases to a table to fill in offline.

    A spreadsheet or an editor opens it. Nobody else is given the cases meanwhile. `apply` sends what you filled in.
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
    """Send the decisions of a filled-in table.

    FILE is one that `checkout` wrote. Sent twice, it counts once.

    Rows without a verdict are left for later. A row that cannot be read or decided is named with its line, and stops no
    other: the exit code is 1 then.
    """
    from .commands.review_files import apply

    sys.exit(apply(file, check, as_typed, profile))
