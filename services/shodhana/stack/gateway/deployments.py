"""The gateway's parameters in containers: for compose and for Kubernetes. Those of a local stack are in `envoy.py`."""

from __future__ import annotations

from pathlib import Path

from . import dashboard
from .parameters import SERVICES, Cluster, GatewayParameters, UpstreamTls

FILES = Path("/etc/shodhana")
"""Where a container has `tls` and `mesh` (tls.crt, tls.key, ca.crt), `jwks` (jwks.json) and `gateway` (the
assets, and in `dashboard` its build)."""
NAMESPACE = "sanskrit-processing"
SERVICE_PORT = 50051
PAGES_PORT = 8080
"""Of identity."""
SECRETS = Path("/opt/envoy/secrets")
"""Part of the image: it says where certificates stand, and holds none."""


def compose(
    otlp: str | None = None,
    origins: tuple[str, ...] = (),
    services: tuple[str, ...] = SERVICES,
    files: Path = FILES,
) -> GatewayParameters:
    """Services by their names on compose's network."""
    return _contained({name: name for name in services}, otlp, origins, files)


def kubernetes(
    otlp: str | None = None,
    origins: tuple[str, ...] = (),
    services: tuple[str, ...] = SERVICES,
    files: Path = FILES,
) -> GatewayParameters:
    """Headless services of the namespace."""
    hosts = {name: f"{name}.{NAMESPACE}.svc.cluster.local" for name in services}
    return _contained(hosts, otlp, origins, files)


def _contained(hosts: dict[str, str], otlp: str | None, origins: tuple[str, ...], files: Path) -> GatewayParameters:
    identity = hosts.get("identity")
    return GatewayParameters(
        certificate=files / "tls" / "tls.crt",
        private_key=files / "tls" / "tls.key",
        secrets=SECRETS,
        jwks=files / "jwks" / "jwks.json",
        clusters={name: Cluster((f"{host}:{SERVICE_PORT}",), "dns") for name, host in hosts.items()},
        auth=Cluster((f"{identity}:{PAGES_PORT}",), "dns") if identity else None,
        listen="0.0.0.0:8443",
        metrics="0.0.0.0:9902",
        otlp=otlp,
        allowed_origins=origins,
        upstream_tls=UpstreamTls(*(files / "mesh" / name for name in ("ca.crt", "tls.crt", "tls.key"))),
        assets=files / "gateway",
        dashboard=files / "gateway" / "dashboard" if dashboard.is_built() else None,
    )
