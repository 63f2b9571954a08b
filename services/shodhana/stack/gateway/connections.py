"""HTTP connection managers."""

from __future__ import annotations

from typing import Any

from .values import Config, extension


def http_manager(name: str, routes: Config, filters: list[Config] | None = None, **settings: Any) -> Config:
    """Serves `routes` through `filters`, of which the last is the router."""
    return extension(
        "envoy.filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        route_config=routes,
        http_filters=[*(filters or []), router()],
        **settings,
    )


def router() -> Config:
    return extension(
        "envoy.filters.http.router", "extensions.filters.http.router.v3.Router", suppress_envoy_headers=True
    )
