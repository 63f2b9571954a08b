"""The commands `shodhana auth …`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .groups import examples
from .options import file_path, profile_of
from .selection import as_json

auth = click.Group()


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
@as_json("gateway", "subject", "display_name", "roles", "credentials", "login_expires_at")
@profile_of
def auth_status(as_json: bool, profile: Path | None) -> None:
    """Show as whom the tool calls. Exit code 4: as nobody."""
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
    from .commands.session import print_token

    print_token(profile)
