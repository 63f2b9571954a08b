"""The command `certificates`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from ..command_line import directory_of, example, fail, place_of


@click.group(epilog=example("shodhana certificates show", "shodhana certificates rotate --authority"))
def certificates() -> None:
    """Certificates of the mesh and of the gateway; they are renewed by themselves while the mesh runs."""


@certificates.command(epilog=example("shodhana certificates show"))
@directory_of
def show(directory: Path | None) -> None:
    """Show who has one, of which authority and until when."""
    from .making import Pair
    from .renewal import edge_of, mesh_of

    place = place_of(directory)
    mesh, edge = mesh_of(place), edge_of(place)
    if not mesh.trusted():
        fail(f"no certificates in {place.root} yet: `shodhana up` makes them")
    shown = [(name, mesh.read(name)) for name in mesh.names if (mesh.of(name) / "tls.key").exists()]
    if edge.server.exists():
        shown.append(("edge", Pair.from_pem(edge.server_key.read_bytes(), edge.server.read_bytes())))
    for name, pair in shown:
        click.echo(f"{name:<13} until {pair.certificate.not_valid_after_utc:%Y-%m-%d}  {_issuer(pair)}")
    for pair in mesh.trusted():
        days = (pair.certificate.not_valid_after_utc - datetime.now(UTC)).days
        click.echo(f"authority     until {pair.certificate.not_valid_after_utc:%Y-%m-%d}  {_issuer(pair)}, {days} days")


@certificates.command(epilog=example("shodhana certificates rotate", "shodhana certificates rotate --authority"))
@directory_of
@click.option("--authority", is_flag=True, help="Put another authority of the mesh in the place of this one too.")
def rotate(directory: Path | None, authority: bool) -> None:
    """Make every certificate and key anew; the mesh goes on while it runs.

    Another authority takes its place in three steps, so that nobody meets a certificate that is not trusted: all trust
    both; all show certificates of the new one; nobody trusts the old one. A change that was broken off is ended.
    """
    from ..state import is_locked
    from .mesh import TAKEN_S
    from .renewal import rotate as rotated

    place = place_of(directory)
    if not place.mesh.exists():
        fail(f"no certificates in {place.root} yet: `shodhana up` makes them")
    runs = is_locked(place)
    rotated(place, authority=authority, say=click.echo, taken_s=TAKEN_S if runs else 0)
    click.echo("every certificate is new" if runs else "every certificate is new; nothing runs")


def _issuer(pair: object) -> str:
    from cryptography.x509.oid import NameOID

    from .making import Pair

    assert isinstance(pair, Pair)
    (name,) = pair.certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)
