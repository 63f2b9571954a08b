"""Envoy's configuration, from one set of parameters for this machine, compose and Kubernetes.

    >>> parameters = GatewayParameters(
    ...     certificate=Path("tls/tls.crt"), private_key=Path("tls/tls.key"), secrets=Path("secrets"),
    ...     jwks=Path("jwks.json"), clusters={"identity": Cluster(("127.0.0.1:50051", "127.0.0.1:50052"))})
    >>> write_secrets(parameters)
    >>> Path("envoy.yaml").write_text(render(parameters))

Start Envoy with `--disable-hot-restart` and a file `jwks` in place; its listeners refuse a port that is taken.
"""

from .gateway.bootstrap import render
from .gateway.parameters import SERVICES, Cluster, GatewayParameters, RateLimits, UpstreamTls
from .gateway.tls import write_secrets

__all__ = ["SERVICES", "Cluster", "GatewayParameters", "RateLimits", "UpstreamTls", "render", "write_secrets"]
