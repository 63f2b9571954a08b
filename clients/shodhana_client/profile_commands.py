"""The commands `shodhana profile …`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .groups import examples
from .options import file_path
from .selection import as_json

profile = click.Group()


@profile.command("list", epilog=examples("shodhana profile list", "shodhana profile list --json name,gateway"))
@as_json("name", "gateway", "calls_as", "is_called", "path")
def profile_list(as_json: bool) -> None:
    """List the meshes known here. The one that is called where none is named has a star."""
    from .commands.profiles import list_profiles

    sys.exit(list_profiles(as_json))


@profile.command("set", epilog=examples("shodhana profile set work --gateway shodhana.example.org --ca work.pem"))
@click.argument("name")
@click.option("--gateway", required=True, metavar="HOST:PORT", help="The mesh.  [default port: 443]")
@click.option("--ca", type=file_path, metavar="FILE", help="PEM of the authority that it is trusted by.")
def profile_set(name: str, gateway: str, ca: Path | None) -> None:
    """Keep a mesh under NAME. `shodhana auth login --profile NAME` logs in to it."""
    from .commands.profiles import set_profile

    sys.exit(set_profile(name, gateway, ca))


@profile.command("use", epilog=examples("shodhana profile use work"))
@click.argument("name")
def profile_use(name: str) -> None:
    """Call the mesh NAME from now on, where no nearer one is found."""
    from .commands.profiles import use_profile

    sys.exit(use_profile(name))
