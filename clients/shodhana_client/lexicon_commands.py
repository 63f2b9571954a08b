"""The commands `shodhana lexicon …` and `shodhana verses …`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .groups import examples
from .options import file_path, opened, profile_of, web_of
from .selection import as_json

lexicon = click.Group()


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
@as_json(answers=("lexicon get-entry", "lexicon get-lexicon-version"), has_arguments=True)
@web_of
@profile_of
def lexicon_list(prefix: str, versions: bool, limit: int, as_json: bool, web: bool, profile: Path | None) -> None:
    """List entries that begin with PREFIX, in any popular spelling, or versions."""
    if web:
        sys.exit(opened("lexicon", profile) if not prefix else opened(f"terms/{prefix}", profile))
    from .commands.lexicon import list_entries, list_versions

    sys.exit(list_versions(limit, as_json, profile) if versions else list_entries(prefix, limit, as_json, profile))


@lexicon.command("show", epilog=examples("shodhana lexicon show krishna"))
@click.argument("term")
@as_json(answers=("lexicon get-entry",), has_arguments=True)
@web_of
@profile_of
def lexicon_show(term: str, as_json: bool, web: bool, profile: Path | None) -> None:
    """Show the entry of TERM, in IAST or a popular spelling."""
    if web:
        sys.exit(opened(f"terms/{term}", profile))
    from .commands.lexicon import show

    sys.exit(show(term, as_json, profile))


DOMAINS = ("spiritual", "philosophical", "scriptural", "general")
PROPOSAL_STATES = ("open", "disputed", "approved", "live", "refused", "retracting", "withdrawn")


@lexicon.command(
    "proposals", epilog=examples("shodhana lexicon proposals", "shodhana lexicon proposals --state disputed --json")
)
@click.option("--state", "states", multiple=True, type=click.Choice(PROPOSAL_STATES), help="Only these; repeatable.")
@click.option("--heard", default="", help="Only for these heard words, in any popular spelling.")
@click.option("--limit", default=50, type=click.IntRange(1, 1000), show_default=True, help="Rows.")
@as_json(answers=("knowledge get-lexicon-proposal",), has_arguments=True)
@web_of
@profile_of
def lexicon_proposals(
    states: tuple[str, ...], heard: str, limit: int, as_json: bool, web: bool, profile: Path | None
) -> None:
    """List what decisions propose to the lexicon, who stands for it, and how far it is."""
    if web:
        sys.exit(opened("proposals", profile))
    from .commands.proposals import list_proposals

    sys.exit(list_proposals(states, heard, limit, as_json, profile))


@lexicon.command(
    "propose", epilog=examples('shodhana lexicon propose "vivarta vadda" vivartavāda --gloss "the world as appearance"')
)
@click.argument("heard")
@click.argument("term")
@click.option(
    "--domain", type=click.Choice(DOMAINS), default="general", show_default=True, help="Where a new term is put."
)
@click.option("--gloss", default="", help="Its meaning in one line.")
@click.option("--context", default="", metavar="TEXT", help="Where it occurs: for the expert who confirms it.")
@profile_of
def lexicon_propose(heard: str, term: str, domain: str, gloss: str, context: str, profile: Path | None) -> None:
    """Propose that HEARD stands for TERM, in IAST; another expert reads it next."""
    from .commands.proposals import propose

    sys.exit(propose((heard, term), domain, gloss, context, profile))


@lexicon.command(
    "learn",
    epilog=examples("shodhana lexicon learn", "shodhana lexicon learn --apply", "shodhana lexicon learn --keep FILE"),
)
@click.option("--apply", is_flag=True, help="Write what was learned, unless anything is worse.")
@click.option("--keep", type=file_path, metavar="FILE", help="Write the decided pairs there and learn nothing.")
@profile_of
def lexicon_learn(apply: bool, keep: Path | None, profile: Path | None) -> None:
    """Learn the weights of the ear and the calibration from decisions, measured before and after."""
    from .commands.learn import learn

    sys.exit(learn(apply, keep, profile))


verses = click.Group()


@verses.command("search", epilog=examples('shodhana verses search "karmanye vadhikaraste ma phaleshu"'))
@click.argument("heard")
@click.option("--limit", default=5, type=click.IntRange(1, 50), show_default=True, help="Verses.")
@as_json("recitations", "metre", has_arguments=True)
@profile_of
def verses_search(heard: str, limit: int, as_json: bool, profile: Path | None) -> None:
    """Find the verses recited in HEARD, and the metre of what is in IAST."""
    from .commands.verses import search

    sys.exit(search(heard, limit, as_json, profile))


@verses.command("list", epilog=examples('shodhana verses list "BG 2."'))
@click.argument("prefix", default="")
@click.option("--limit", default=50, type=click.IntRange(1, 1000), show_default=True, help="Rows.")
@as_json(answers=("verses get-verse",), has_arguments=True)
@profile_of
def verses_list(prefix: str, limit: int, as_json: bool, profile: Path | None) -> None:
    """List verses whose reference begins with PREFIX."""
    from .commands.verses import list_verses

    sys.exit(list_verses(prefix, limit, as_json, profile))


@verses.command("show", epilog=examples('shodhana verses show "BG 2.47"'))
@click.argument("reference")
@as_json(answers=("verses get-verse",), has_arguments=True)
@profile_of
def verses_show(reference: str, as_json: bool, profile: Path | None) -> None:
    """Show the verse REFERENCE."""
    from .commands.verses import show

    sys.exit(show(reference, as_json, profile))
