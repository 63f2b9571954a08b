"""What a mesh was started with, for who asks a running one for something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from urllib.parse import urlsplit

from .gateway.rate_limits import PREFIX
from .options import StackOptions
from .places import default_directory
from .state import StackState
from .topology import ROWS, chosen_rows

REPLICAS, PORT, ARCHIVE = "--replicas ", "--port", "a backup key"
ENGINES = "ENABLE_EPIC_3"
YES, NO = "yes", "no"


def chosen_by(options: StackOptions) -> dict[str, str]:
    """Every option by its name on the command line or in the environment; of URLs what is no secret."""
    urls = {
        "DATABASE_URL": options.database_url,
        "DATABASE_REPLICA_URL": options.database_replica_url,
        "REDIS_URL": options.redis_url,
        "CELERY_BROKER_URL": options.celery_broker_url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": options.otlp_endpoint,
        "OIDC_ISSUER": options.oidc_issuer,
        "PUBLIC_URL": options.public_url,
    }
    counts = {row.name: options.replicas_of(row.name, row.default_replicas) for row in chosen_rows(options)}
    return {
        **{f"{REPLICAS}{name}": str(count) for name, count in counts.items()},
        **{name: _without_secrets(url) for name, url in urls.items() if url},
        **{f"{PREFIX}{name.upper()}": str(limit) for name, limit in asdict(options.rate_limits).items()},
        ENGINES: str(options.is_semantic).lower(),
        ARCHIVE: YES if options.is_archived else NO,
    }


def refusal_of(options: StackOptions, environment: Mapping[str, str], state: StackState) -> str | None:
    """Why a running mesh is not what is asked for, and what to do; None where it is, or nothing is asked for.

    What is not named asks for nothing. Two URLs that differ in their passwords alone are the same.
    """
    if not state.chosen:
        return None
    runs = state.chosen | {PORT: state.addresses.get("grpc", "").rpartition(":")[2]}
    asked = {name: value for name, value in _asked(options, environment).items() if runs.get(name, "") != value}
    if not asked:
        return None
    found = ", ".join(_difference(name, runs.get(name, ""), value) for name, value in asked.items())
    where = "" if state.directory == default_directory() else f" --dir {state.directory}"
    return (
        f"already running in {state.directory} with {found}. Nothing was changed: a mesh keeps what it began with. "
        f"`shodhana down{where}` first, then `shodhana up --detach{where}{_arguments(runs | asked, asked)}`; "
        "what waits, waits in Postgres"
    )


def _asked(options: StackOptions, environment: Mapping[str, str]) -> dict[str, str]:
    """The options that somebody has named."""
    named = set(environment) if "" not in options.replicas else {*environment, *(REPLICAS + row.name for row in ROWS)}
    named |= {REPLICAS + name for name in options.replicas}
    named |= {ARCHIVE} if options.is_archived else set()
    port = {PORT: str(options.gateway_port)} if options.gateway_port is not None else {}
    return {name: value for name, value in chosen_by(options).items() if name in named} | port


def _difference(name: str, runs: str, asked: str) -> str:
    if name == ARCHIVE:
        return "no archive of Postgres' log, though a backup key is set now"
    if name.startswith(REPLICAS):
        return f"{name.removeprefix(REPLICAS)}={runs or 0} (not {asked})"
    return f"{name} {runs or 'unset'} (not {asked})"


def _arguments(wanted: Mapping[str, str], asked: Mapping[str, str]) -> str:
    """The command line that keeps what runs, but for what is asked for; the environment is the caller's."""
    usual = {f"{REPLICAS}{row.name}": str(row.default_replicas) for row in ROWS}
    words = [f" {name}={wanted[name]}" for name in usual if wanted.get(name, usual[name]) != usual[name]]
    return "".join(words) + (f" {PORT} {asked[PORT]}" if PORT in asked else "")


def _without_secrets(url: str) -> str:
    """Without user, password and parameters."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
