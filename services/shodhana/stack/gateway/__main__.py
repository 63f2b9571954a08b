"""`python -m shodhana.stack.gateway compose > envoy.yaml`: the configuration for containers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from .bootstrap import render
from .deployments import compose, kubernetes
from .parameters import SERVICES, GatewayParameters
from .rate_limits import RateLimitInvalid, rate_limits_from
from .tls import write_secrets

PLACES: dict[str, Callable[..., GatewayParameters]] = {
    "compose": compose,
    "kubernetes": kubernetes,
}


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
@click.option("--secrets", type=click.Path(path_type=Path), help="Write what says where certificates are to DIR.")
def main(
    place: str, otlp: str | None, origins: tuple[str, ...], services: tuple[str, ...], secrets: Path | None
) -> None:
    """Print Envoy's configuration for PLACE; RATE_LIMIT_SUBJECT_PER_S and the like change its limits."""
    try:
        limits = rate_limits_from(os.environ)
    except RateLimitInvalid as error:
        raise click.UsageError(str(error)) from error
    parameters = replace(PLACES[place](otlp, origins, services), rate_limits=limits)
    if secrets is not None:
        parameters = replace(parameters, secrets=secrets)
        write_secrets(parameters)
    click.echo(render(parameters), nl=False)


if __name__ == "__main__":
    main(prog_name="python -m shodhana.stack.gateway")
