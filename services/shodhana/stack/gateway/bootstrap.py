"""The whole configuration: listeners, clusters, admin interface."""

from __future__ import annotations

import yaml

from ..places import GATEWAY
from . import clusters, sessions
from .connections import http_manager
from .contracts import read_descriptors, rpcs_of
from .keys import internal_listeners, keys_listener
from .parameters import GatewayParameters
from .public import public_listener
from .values import Config, extension, socket_address

MAX_CONNECTIONS = 5_000


def render(parameters: GatewayParameters) -> str:
    """The YAML for `envoy -c`."""
    return yaml.safe_dump(bootstrap(parameters), sort_keys=False, width=120)


def bootstrap(parameters: GatewayParameters) -> Config:
    """The configuration as a dictionary; only services that `clusters` names are exposed."""
    known = rpcs_of(read_descriptors(GATEWAY / "descriptors.binpb"))
    rpcs = [rpc for rpc in known if rpc.cluster in parameters.clusters]
    listeners = [public_listener(parameters, rpcs), keys_listener(parameters)]
    if parameters.metrics:
        listeners.append(metrics_listener(parameters.metrics))
    found = clusters.clusters(parameters)
    if parameters.auth:
        found.append(sessions.pages_cluster(parameters.auth, parameters))
    return {
        "node": {"id": "gateway", "cluster": "gateway"},
        "admin": {"address": socket_address(parameters.admin)},
        "bootstrap_extensions": [internal_listeners()],
        "overload_manager": connection_limit(),
        "static_resources": {"listeners": listeners, "clusters": found},
    }


def connection_limit() -> Config:
    """Bounds the connections of all listeners together."""
    monitor = extension(
        "envoy.resource_monitors.global_downstream_max_connections",
        "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=MAX_CONNECTIONS,
    )
    return {"resource_monitors": [monitor]}


def metrics_listener(address: str) -> Config:
    """The Prometheus page of the admin interface, and nothing else of it."""
    route = {
        "match": {"path": "/metrics", "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]},
        "route": {"cluster": clusters.ADMIN, "prefix_rewrite": "/stats/prometheus?usedonly", "timeout": "5s"},
    }
    routes = {"name": "metrics", "virtual_hosts": [{"name": "metrics", "domains": ["*"], "routes": [route]}]}
    return {
        "name": "metrics",
        "address": socket_address(address),
        "enable_reuse_port": False,
        "filter_chains": [{"filters": [http_manager("metrics", routes)]}],
    }
