"""The commands of `shodhana`. Each loads what it needs when it runs: --help must be quick."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Optional

import typer

EXIT_ERROR, EXIT_REVIEW = 1, 3
Profile = Annotated[Path | None, typer.Option(help="Profile file (default: SHODHANA_CLIENT, or the mesh found here).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

app = typer.Typer(
    name="shodhana",
    help="Restores the Sanskrit in lecture transcripts.\n\nExample: shodhana process talk.srt --output corrected",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
lexicon = typer.Typer(help="Import, export and look up the lexicon.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(lexicon, name="lexicon")


@app.command()
def process(
    files: Annotated[list[Path], typer.Argument(help="SRT, WebVTT, Whisper JSON or text files, perhaps gzipped.")],
    output: Annotated[Optional[Path], typer.Option(help="Folder for the results (default: beside each file).")] = None,  # noqa: UP045
    as_json: Json = False,
    fail_on_review: Annotated[bool, typer.Option(help="Exit with 3 where an expert has to look.")] = False,
    restore_anglicised: Annotated[bool, typer.Option(help="Restore yoga, guru, karma … to IAST too.")] = False,
    profile: Profile = None,
) -> None:
    """Correct files: prints what changed and the scores; writes NAME.corrected.*, NAME.report.json and .report.html.

    Exit code 0: corrected, 1: error, 2: usage, 3: review required (with --fail-on-review).

    Example: shodhana process talks/*.srt --output corrected
    """
    from .commands.process import process_files

    sys.exit(process_files(files, output, as_json, fail_on_review, restore_anglicised, profile))


@app.command()
def suggest(
    heard: Annotated[Optional[str], typer.Argument(help='Words as heard, "vishnu maya".')] = None,  # noqa: UP045
    context: Annotated[str, typer.Option(help='The words around, with "___" in their place.')] = "",
    limit: Annotated[int, typer.Option(min=1, max=20, help="Candidates.")] = 5,
    batch: Annotated[Optional[Path], typer.Option(help="TSV file: column 1 heard, optional column context.")] = None,  # noqa: UP045
    as_json: Json = False,
    json_lines: Annotated[bool, typer.Option("--json-lines", help="One JSON object a line.")] = False,
    profile: Profile = None,
) -> None:
    """Rank the terms that heard words may stand for.

    Example: shodhana suggest "praabda" --context "nobody can escape ___ karma" --json
    """
    from .commands.suggest import suggest_batch, suggest_one

    if (heard is None) == (batch is None):
        raise typer.BadParameter("give either HEARD or --batch FILE")
    if batch is not None:
        sys.exit(suggest_batch(batch, limit, as_json or json_lines, profile))
    sys.exit(suggest_one(heard or "", context, limit, as_json or json_lines, profile))


@app.command()
def score(
    file: Annotated[Path, typer.Argument(help="A transcript.")], as_json: Json = False, profile: Profile = None
) -> None:
    """Score a file as it stands.

    Example: shodhana score talk.srt --json
    """
    from .commands.score import score_file

    sys.exit(score_file(file, as_json, profile))


@app.command()
def jobs(
    files: Annotated[list[Path], typer.Argument(help="Files to correct by the workers.")],
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path(),
    name: Annotated[str, typer.Option(help="What the job is for.")] = "",
    profile: Profile = None,
) -> None:
    """Correct many files as a job of the workers, with progress; results are written as by `process`.

    Example: shodhana jobs talks/*.srt --output corrected
    """
    from .commands.jobs import run_job

    sys.exit(run_job(files, output, name, profile))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def rpc(context: typer.Context) -> None:
    """Call any RPC: `shodhana rpc`, `shodhana rpc SERVICE`, `shodhana rpc SERVICE METHOD [--field value …]`.

    Example: shodhana rpc review claim-cases --count 2
    """
    from .commands.rpc import call

    sys.exit(call(context.args))


@app.command()
def token(profile: Profile = None) -> None:
    """Print an access token, for curl.

    Example: curl --cacert .shodhana/tls/ca.pem -H "authorization: Bearer $(shodhana token)" …
    """
    from .commands.session import connected

    with connected(profile) as client:
        print(client.token())


@lexicon.command("import")
def lexicon_import(
    file: Annotated[Path, typer.Argument(help="TSV, JSON Lines, or a known source's own format.")],
    source: Annotated[str, typer.Option(help="Recorded with each entry (default: the file's name).")] = "",
    license_name: Annotated[str, typer.Option("--license", help="SPDX identifier of its licence.")] = "",
    domain: Annotated[str, typer.Option(help="Domain of entries that name none.")] = "general",
    replace: Annotated[bool, typer.Option(help="Leave out the present entries.")] = False,
    check: Annotated[bool, typer.Option(help="Check only.")] = False,
    profile: Profile = None,
) -> None:
    """Make a new version of the lexicon from a file.

    Example: shodhana lexicon import terms.tsv --domain spiritual --license CC0-1.0
    """
    from .commands.lexicon import import_file

    sys.exit(import_file(file, source, license_name, domain, (replace, check), profile))


@lexicon.command("export")
def lexicon_export(
    version: Annotated[str, typer.Argument(help="Number, or active.")] = "active",
    json_lines: Annotated[bool, typer.Option("--json-lines", help="JSON Lines in place of TSV.")] = False,
    profile: Profile = None,
) -> None:
    """Print a version as a file.

    Example: shodhana lexicon export > lexicon.tsv
    """
    from .commands.lexicon import export

    sys.exit(export(version, json_lines, profile))


@lexicon.command("list")
def lexicon_list(
    prefix: Annotated[str, typer.Argument(help="Terms that begin so, in any popular spelling.")] = "",
    versions: Annotated[bool, typer.Option(help="List versions in place of entries.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows.")] = 50,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """List entries, or versions.

    Example: shodhana lexicon list dhy
    """
    from .commands.lexicon import list_entries, list_versions

    sys.exit(list_versions(limit, as_json, profile) if versions else list_entries(prefix, limit, as_json, profile))


@lexicon.command("show")
def lexicon_show(
    term: Annotated[str, typer.Argument(help="A term in IAST or in a popular spelling.")],
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Show an entry.

    Example: shodhana lexicon show krishna
    """
    from .commands.lexicon import show

    sys.exit(show(term, as_json, profile))


def main() -> None:
    """Entry point. The commands of the stack are there where its package is installed."""
    if find_spec("shodhana.stack.commands") is not None:
        for command in import_module("shodhana.stack.commands").app.registered_commands:
            app.registered_commands.append(command)
    app()
