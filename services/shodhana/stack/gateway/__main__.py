"""`python -m shodhana.stack.gateway compose > envoy.yaml`: the configuration for containers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from .bootstrap import render
from .deployments import compose, kubernetes
from .parameters import SERVICES, GatewayParameters

PLACES: dict[str, Callable[..., GatewayParameters]] = {
    "compose": compose,
    "kubernetes": kubernetes,
    "kubernetes-plain": partial(kubernetes, mutual_tls=False),
}
"""The last is for services without certificates of their own, behind network policies."""


@click.command(epilog="\b\nExample:\n  python -m shodhana.stack.gateway kubernetes --otlp jaeger-collector:4317")
@click.argument("place", type=click.Choice(list(PLACES)))
@click.option("--otlp", metavar="HOST:PORT", help="Collector of traces.  [default: none]")
@click.option("--origin", "origins", multiple=True, help="Browser origin that may call; may be given again.")
@click.option(
    "--service",
    "services",
    type=click.Choice(SERVICES),
    multiple=True,
    default=SERVICES,
    help="A service to expose; may be given again.  [default: all]",
)
def main(place: str, otlp: str | None, origins: tuple[str, ...], services: tuple[str, ...]) -> None:
    """Print Envoy's configuration for PLACE."""
    click.echo(render(PLACES[place](otlp, origins, services)), nl=False)


if __name__ == "__main__":
    main(prog_name="python -m shodhana.stack.gateway")
