"""Settings that every process of the mesh shares; a service adds its own in a subclass."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Addresses = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""`host:port` of each replica, comma-separated; `dns:///name:port` stands for all addresses of a name."""


class RuntimeSettings(BaseSettings):
    """Read once in `__main__` from the environment, where each name stands in capitals; secrets have no default.

    What the environment does not name is looked for in the folder `SECRETS_DIR`, a file for each (`database_url`).
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", secrets_dir=os.environ.get("SECRETS_DIR"))

    service_name: str = "shodhana"
    listen_address: str = "127.0.0.1:0"
    metrics_address: str | None = None
    """`host:port` of the Prometheus page; absent: none."""
    reflection_enabled: bool = False
    drain_s: float = 3.0
    """Between NOT_SERVING and the end of accepting: load balancers take that long to notice."""
    stop_grace_s: float = 10.0
    max_message_bytes: int = 64 * 1024 * 1024
    maximum_concurrent_rpcs: int = 1000
    default_deadline_s: float = 30.0
    """Of calls to other services where the caller gave none."""
    keepalive_s: float = 20.0
    """Between pings to the other services; one that is not answered within a quarter of that ends the connection."""

    mesh_tls_path: Path | None = None
    """A folder with `tls.crt`, `tls.key` and `ca.crt`: calls within the mesh are by mutual TLS; absent: without TLS."""
    health_address: str | None = None
    """`host:port` that answers `grpc.health.v1` without TLS and nothing else, for probes without a certificate."""
    jwks_path: Path = Path("jwks.json")
    token_issuer: str = "https://identity.shodhana.local"
    token_audience: str = "shodhana"
    service_account_id: str | None = None
    service_account_secret: str | None = None

    embedding_addresses: Addresses = ()
    similarity_addresses: Addresses = ()
    quality_addresses: Addresses = ()
    review_addresses: Addresses = ()
    transcripts_addresses: Addresses = ()
    identity_addresses: Addresses = ()

    database_url: str | None = None
    """Of several hosts (`…@one:5432,two:5432/…`) the one that takes writes."""
    database_replica_url: str | None = None
    """A standby, which answers some reads while it is fresh; absent: the primary answers all."""
    replica_max_lag_s: float = Field(default=1.0, gt=0)
    """Of a standby that lags more nothing is read."""
    replica_patience_s: float = Field(default=2.0, gt=0)
    """After which the primary is asked what the standby has not answered."""
    pool_min: int = 5
    pool_max: int = 20
    pool_connect_timeout_s: float = 30.0
    pool_idle_s: float = 300.0
    pool_lifetime_s: float = 3600.0
    query_timeout_s: float = 30.0
    statement_cache_size: int = 100
    redis_url: str | None = None
    celery_broker_url: str | None = None

    otel_exporter_otlp_endpoint: str | None = None
    trace_sampling: float = 1.0
    log_level: str = "INFO"
    enable_epic_3: bool = True
    """False: the core engine alone, without the semantic layer and review."""
    min_academic_score: float = 0.85
    iast_compliance_threshold: float = 0.90
    similarity_threshold: float = 0.85

    def addresses_of(self, service: str) -> tuple[str, ...]:
        """Addresses of a service by its name ("similarity")."""
        addresses: tuple[str, ...] = getattr(self, f"{service}_addresses")
        return addresses
