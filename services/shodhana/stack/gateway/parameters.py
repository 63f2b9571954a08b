"""What differs between deployments of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..places import GATEWAY

SERVICES = ("embedding", "similarity", "quality", "review", "transcripts", "identity")


@dataclass(frozen=True, slots=True)
class Cluster:
    """The replicas of one service.

    static: `addresses` are `ip:port`, one a replica. dns: `name:port`, of which every address is a replica, asked
    again every two seconds (a headless service of Kubernetes, a service name of compose).
    """

    addresses: tuple[str, ...]
    resolution: Literal["static", "dns"] = "static"


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests a second, and how many may come at once."""

    total_per_s: int = 2_000
    subject_per_s: int = 500
    """Of one `sub`."""
    token_per_s: int = 20
    """Of calls without a token that ask for one, from one address: slows the guessing of secrets."""
    login_per_s: int = 5
    """Of log-in pages from one address."""
    login_burst_s: int = 10
    burst_s: int = 2
    """A bucket holds so many seconds' worth."""


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """Certificates for mutual TLS with the services; paths as Envoy sees them."""

    authority: Path
    certificate: Path
    private_key: Path


@dataclass(frozen=True, slots=True)
class GatewayParameters:
    """What differs between deployments; paths as Envoy sees them, addresses as `host:port`."""

    certificate: Path
    """PEM chain that the public listener shows."""
    private_key: Path
    secrets: Path
    """Folder of the files by which Envoy finds certificates; `write_secrets` makes them."""
    jwks: Path
    """JWK set that `identity` writes: there at the start, and read within five seconds when another takes its place."""
    clusters: Mapping[str, Cluster]
    """By service name (SERVICES). Absent services are not exposed; /ready asks for one healthy replica of each."""
    auth: Cluster | None = None
    """Identity's pages, over HTTP/1.1; None: browsers cannot log in, and cookies mean nothing."""
    listen: str = "127.0.0.1:8443"
    """REST, gRPC and grpc-web over TLS."""
    admin: str = "127.0.0.1:9901"
    """Envoy's whole admin interface: loopback only."""
    metrics: str | None = None
    """Plain HTTP listener that answers GET /metrics (Prometheus) and nothing else."""
    issuer: str = "https://identity.shodhana.local"
    audience: str = "shodhana"
    otlp: str | None = None
    """OTLP/gRPC collector; None: no tracing."""
    sampling_percent: float = 100.0
    """Of requests that bring no `traceparent` of their own."""
    allowed_origins: tuple[str, ...] = ()
    """Browser origins, exact ("https://dashboard.example")."""
    rate_limits: RateLimits = field(default_factory=RateLimits)
    upstream_tls: UpstreamTls | None = None
    """None: plain HTTP/2 to the services."""
    assets: Path = GATEWAY
    """The folder `gateway/` with the files generated from the contracts."""
    dashboard: Path | None = None
    """The folder `clients/dashboard/dist`; None: no dashboard is served."""
