"""What the user may choose about a stack, on the command line and in the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit, urlunsplit

from .gateway.parameters import RateLimits
from .gateway.rate_limits import RateLimitInvalid, rate_limits_from

FALSE = frozenset({"0", "false", "no", "off"})
MAX_REPLICAS = 20
BACKUP_KEYS = ("SHODHANA_BACKUP_RECIPIENTS", "SHODHANA_BACKUP_KEY_FILE", "SHODHANA_BACKUP_KEY")


class OptionInvalid(ValueError):
    """An option that cannot be understood; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class StackOptions:
    """Each URL that is set stands for a server that is not started here."""

    replicas: Mapping[str, int] = field(default_factory=dict)
    """By program; "" is the number for every service that is not named."""
    gateway_port: int | None = None
    is_semantic: bool = True
    """False: the core engine alone, without embedding and review."""
    database_url: str | None = None
    database_replica_url: str | None = None
    redis_url: str | None = None
    celery_broker_url: str | None = None
    otlp_endpoint: str | None = None
    is_archived: bool = False
    """Whether the log of Postgres is archived for backups: where a key is given."""
    oidc_issuer: str | None = None
    """None: the development log-in is started."""
    oidc_client_secret: str = ""
    public_url: str | None = None
    """What browsers call the gateway; None: localhost and its port."""
    rate_limits: RateLimits = field(default_factory=RateLimits)

    def replicas_of(self, name: str, default: int = 1) -> int:
        return self.replicas.get(name, self.replicas.get("", default))


def options_from(
    environment: Mapping[str, str], replicas: Sequence[str] = (), gateway_port: int | None = None
) -> StackOptions:
    """Raises OptionInvalid."""
    return StackOptions(
        replicas=dict(_replicas(text) for text in replicas),
        gateway_port=gateway_port,
        is_semantic=environment.get("ENABLE_EPIC_3", "true").lower() not in FALSE,
        database_url=environment.get("DATABASE_URL") or None,
        database_replica_url=environment.get("DATABASE_REPLICA_URL") or None,
        redis_url=environment.get("REDIS_URL") or None,
        celery_broker_url=environment.get("CELERY_BROKER_URL") or None,
        otlp_endpoint=environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None,
        is_archived=any(environment.get(name) for name in BACKUP_KEYS),
        oidc_issuer=environment.get("OIDC_ISSUER") or None,
        oidc_client_secret=environment.get("OIDC_CLIENT_SECRET", ""),
        public_url=environment.get("PUBLIC_URL", "").rstrip("/") or None,
        rate_limits=_rate_limits(environment),
    )


def login_url(database_url: str, role: str, password: str) -> str:
    """The same database for another role."""
    parts = urlsplit(database_url)
    _, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{quote(role, safe='')}:{quote(password, safe='')}@{host}"))


def default_workers() -> int:
    """One a core, four at most: a worker corrects one file at a time."""
    return min(4, os.cpu_count() or 1)


def _rate_limits(environment: Mapping[str, str]) -> RateLimits:
    try:
        return rate_limits_from(environment)
    except RateLimitInvalid as error:
        raise OptionInvalid(str(error)) from error


def _replicas(text: str) -> tuple[str, int]:
    name, _, number = text.rpartition("=")
    if not number.isdecimal() or not 1 <= int(number) <= MAX_REPLICAS or (not name and "=" in text):
        raise OptionInvalid(f"--replicas {text}: expected N or NAME=N, N from 1 to {MAX_REPLICAS}")
    return name, int(number)
