"""Counts every answer that a caller got once, whoever gave it: what the availability objective is measured by.

Envoy's own counters do not say that. A gRPC call is answered with HTTP 200 also when it fails; `grpc_stats` misses what
the gateway itself answers to REST, and the clusters count each attempt. Of grpc-web the status is "Unknown" where it
stands in the body's end, as that of an answered call does: "Unknown" is no failure. What fails in a service is
"Internal".
"""

from __future__ import annotations

from .values import Config, extension

PREFIX = "gateway"
TAGS = {
    "service": "%UPSTREAM_CLUSTER%",
    "http_status": "%RESPONSE_CODE%",
    "grpc_status": "%GRPC_STATUS%",
}
"""No path among them: callers could make as many as they like."""


def call_counts() -> Config:
    """`envoy_gateway_calls` by service and status; without a service are pages, and what was refused before."""
    tags = [{"name": name, "value_format": value} for name, value in TAGS.items()]
    return extension(
        "envoy.access_loggers.stats",
        "extensions.access_loggers.stats.v3.Config",
        stats_scope={"prefix": PREFIX},
        counters=[{"stat": {"name": "calls", "tags": tags}, "value_fixed": 1}],
    )
