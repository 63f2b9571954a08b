"""Calls that come with a session cookie: identity is asked whose it is, and the call goes on with a token."""

from __future__ import annotations

from typing import Any

from .browser_traces import PATH as TRACES
from .clusters import discovery
from .contracts import PACKAGE
from .parameters import Cluster, GatewayParameters
from .tls import upstream_tls
from .transcoding import TRANSCODER
from .values import Config, extension, typed

FILTER = "envoy.filters.http.ext_authz"
IDENTITY = "identity"
PAGES = "auth"
"""The cluster of identity's pages."""
PREFIX = "/auth/"
COOKIE = "__Host-shodhana_session="
NOT_FOR_SERVICES = ("cookie", "x-csrf-token")
TIMEOUT = "2s"


def session_check() -> Config:
    """Asks `Check` of identity about RPCs with a session cookie and no token of their own; others pass unasked.

    What then checks tokens and permissions knows no difference. Where identity is away, the call is answered 503.
    """
    asked = extension(
        FILTER,
        "extensions.filters.http.ext_authz.v3.ExtAuthz",
        transport_api_version="V3",
        grpc_service={"envoy_grpc": {"cluster_name": IDENTITY}, "timeout": TIMEOUT},
        failure_mode_allow=False,
        status_on_error={"code": "ServiceUnavailable"},
        # Nothing of the call but what the verdict rests on leaves the gateway.
        allowed_headers={"patterns": [{"exact": name} for name in ("cookie", "x-csrf-token", "authorization")]},
    )
    skip = typed("extensions.filters.common.matcher.action.v3.SkipFilter")
    matcher = {
        "predicate": {"or_matcher": {"predicate": [is_no_rpc(), has_token(), has_no_cookie()]}},
        "on_match": {"action": {"name": "skip", "typed_config": skip}},
    }
    return extension(
        FILTER,
        "extensions.common.matching.v3.ExtensionWithMatcher",
        extension_config=asked,
        xds_matcher={"matcher_list": {"matchers": [matcher]}},
    )


def is_no_rpc() -> Config:
    rpcs = [header(":path", {"prefix": f"/{PACKAGE}"}), header(":path", {"exact": TRACES})]
    return {"not_matcher": {"or_matcher": {"predicate": rpcs}}}


def has_token() -> Config:
    return header("authorization", {"safe_regex": {"google_re2": {}, "regex": ".+"}})


def has_no_cookie() -> Config:
    return {"not_matcher": header("cookie", {"contains": COOKIE})}


def header(name: str, value: Config) -> Config:
    """Holds for a request with this header and such a value."""
    header_input = extension("header", "type.matcher.v3.HttpRequestHeaderMatchInput", header_name=name)
    return {"single_predicate": {"input": header_input, "value_match": value}}


def pages_route() -> Config:
    """Log-in, log-out and the session's own endpoint; they read the cookie themselves."""
    return {
        "match": {"prefix": PREFIX},
        "route": {
            "cluster": PAGES,
            "timeout": "15s",
            "retry_policy": {"retry_on": "connect-failure,refused-stream", "num_retries": 2},
        },
        "typed_per_filter_config": {TRANSCODER: typed("config.route.v3.FilterConfig", disabled=True)},
    }


def pages_cluster(cluster: Cluster, parameters: GatewayParameters) -> Config:
    """Identity's pages, over HTTP/1.1."""
    check = {
        "timeout": "1s",
        "interval": "1s",
        "no_traffic_interval": "1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "http_health_check": {"path": f"{PREFIX}health"},
    }
    found: dict[str, Any] = {"name": PAGES, **discovery(PAGES, cluster), "connect_timeout": "1s"}
    return {
        **found,
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "health_checks": [check],
        **upstream_tls(IDENTITY, parameters, "http/1.1"),
    }
