"""`python -m shodhana.stack.provider PORT REDIRECT_URI`: serves the development log-in on the loopback."""

from __future__ import annotations

import os

import click
import uvicorn

from ..ports import LOOPBACK
from .grants import Client, Grants
from .pages import Pages

SECRET = "DEVELOPMENT_CLIENT_SECRET"


@click.command()
@click.argument("port", type=click.IntRange(1, 65535))
@click.argument("redirect_uri")
@click.option("--client-id", default="shodhana-local", show_default=True)
def main(port: int, redirect_uri: str, client_id: str) -> None:
    """Serve the development log-in; its client's secret is in DEVELOPMENT_CLIENT_SECRET."""
    client = Client(client_id, os.environ[SECRET], redirect_uri)
    grants = Grants(f"http://{LOOPBACK}:{port}", client)
    click.echo("DEVELOPMENT LOG-IN: whoever reaches it is whoever they choose; not for production", err=True)
    uvicorn.run(
        Pages(grants).application(),
        host=LOOPBACK,
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
    )


if __name__ == "__main__":
    main(prog_name="python -m shodhana.stack.provider")
