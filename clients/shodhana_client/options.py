"""Options and arguments that several commands take."""

from __future__ import annotations

from pathlib import Path

import click

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
