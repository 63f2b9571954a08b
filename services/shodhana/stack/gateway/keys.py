"""The JWK set, read again when its file changes.

Envoy reads the file of a `local_jwks` once. A direct response does watch its file, so an internal listener (no port)
answers with it, and the token check fetches it from there every few seconds.
"""

from __future__ import annotations

from .connections import http_manager
from .parameters import GatewayParameters
from .values import Config, extension

KEYS = "keys"
REFRESH = "5s"
MAX_KEY_SET_BYTES = 1024 * 1024


def remote_keys() -> Config:
    """Where the token check fetches the keys from: on a request, once the last ones are so old.

    Not ahead of requests (`async_fetch`): that runs on the main thread, which has no internal listeners.
    """
    return {
        "http_uri": {"uri": f"http://{KEYS}/jwks", "cluster": KEYS, "timeout": "1s"},
        "cache_duration": REFRESH,
    }


def keys_cluster() -> Config:
    address = {"envoy_internal_address": {"server_listener_name": KEYS}}
    hosts = [{"endpoint": {"address": address}}]
    return {
        "name": KEYS,
        "type": "STATIC",
        "load_assignment": {"cluster_name": KEYS, "endpoints": [{"lb_endpoints": hosts}]},
    }


def keys_listener(parameters: GatewayParameters) -> Config:
    """Only Envoy itself reaches it."""
    watched = {"filename": str(parameters.jwks), "watched_directory": {"path": str(parameters.jwks.parent)}}
    route = {"match": {"path": "/jwks"}, "direct_response": {"status": 200, "body": watched}}
    routes = {
        "name": KEYS,
        "max_direct_response_body_size_bytes": MAX_KEY_SET_BYTES,
        "virtual_hosts": [{"name": KEYS, "domains": ["*"], "routes": [route]}],
    }
    return {"name": KEYS, "internal_listener": {}, "filter_chains": [{"filters": [http_manager(KEYS, routes)]}]}


def internal_listeners() -> Config:
    """Lets Envoy connect to itself."""
    return extension("envoy.bootstrap.internal_listener", "extensions.bootstrap.internal_listener.v3.InternalListener")
