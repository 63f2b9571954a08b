"""The services behind the gateway: their addresses, health, circuit breakers and ejection of outliers."""

from __future__ import annotations

from .keys import keys_cluster
from .parameters import Cluster, GatewayParameters
from .tls import upstream_tls
from .values import Config, extension, socket_address, typed

OTLP = "otlp"
ADMIN = "admin"
NOWHERE = "nowhere"
"""Without replicas."""


def clusters(parameters: GatewayParameters) -> list[Config]:
    """Every cluster of the configuration."""
    found = [service_cluster(name, cluster, parameters) for name, cluster in parameters.clusters.items()]
    found += [keys_cluster(), {"name": NOWHERE, "type": "STATIC"}]
    if parameters.otlp:
        found.append(otlp_cluster(parameters.otlp))
    if parameters.metrics:
        found.append({"name": ADMIN, "type": "STATIC", **endpoints(ADMIN, (parameters.admin,))})
    return found


def service_cluster(name: str, cluster: Cluster, parameters: GatewayParameters) -> Config:
    """A service's replicas, least loaded first."""
    return {
        "name": name,
        **discovery(name, cluster),
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "least_request_lb_config": {"choice_count": 2},
        # Without healthy replicas answer 503 at once instead of trying dead ones.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "typed_extension_protocol_options": http2_upstream(),
        "health_checks": [health_check()],
        "outlier_detection": outlier_detection(),
        "circuit_breakers": circuit_breakers(),
        **upstream_tls(name, parameters),
    }


def discovery(name: str, cluster: Cluster) -> Config:
    """Where the replicas are found."""
    if cluster.resolution == "static":
        return {"type": "STATIC", **endpoints(name, cluster.addresses)}
    return {"cluster_type": dns(), **endpoints(name, cluster.addresses)}


def dns() -> Config:
    """Every address of a name is a replica; an IP address resolves to itself."""
    return extension(
        "envoy.clusters.dns",
        "extensions.clusters.dns.v3.DnsCluster",
        dns_refresh_rate="2s",
        dns_lookup_family="V4_PREFERRED",
    )


def endpoints(name: str, addresses: tuple[str, ...]) -> Config:
    hosts = [{"endpoint": {"address": socket_address(address)}} for address in addresses]
    return {"load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]}}


def http2_upstream() -> Config:
    """HTTP/2, with pings that notice a frozen peer."""
    name = "extensions.upstreams.http.v3.HttpProtocolOptions"
    http2 = {"max_concurrent_streams": 200, "connection_keepalive": {"interval": "15s", "timeout": "5s"}}
    options = typed(
        name,
        explicit_http_config={"http2_protocol_options": http2},
        common_http_protocol_options={"idle_timeout": "300s", "max_connection_duration": "1800s"},
    )
    return {f"envoy.{name}": options}


def health_check() -> Config:
    """grpc.health.v1, every second also before the first request: the default without traffic is a minute."""
    return {
        "timeout": "1s",
        "interval": "1s",
        "no_traffic_interval": "1s",
        "no_traffic_healthy_interval": "1s",
        "unhealthy_interval": "1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "grpc_health_check": {},
    }


def outlier_detection() -> Config:
    """Ejects replicas that refuse or break connections.

    What a healthy application answers, UNAVAILABLE and INTERNAL among it, ejects nobody: it may be right.
    """
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 3,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_local_origin_success_rate": 0,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "interval": "1s",
        "base_ejection_time": "5s",
        "max_ejection_time": "30s",
        "max_ejection_percent": 50,
    }


def circuit_breakers() -> Config:
    """Bounds of what one service may hold up; `max_pending_requests` bounds a burst on cold connections."""
    return {
        "thresholds": [
            {
                "max_connections": 200,
                "max_pending_requests": 500,
                "max_requests": 1000,
                # Of a few requests in flight a share alone would round to no retries.
                "retry_budget": {"budget_percent": {"value": 20}, "min_retry_concurrency": 25},
                "track_remaining": True,
            }
        ]
    }


def otlp_cluster(address: str) -> Config:
    """The trace collector."""
    return {
        "name": OTLP,
        "cluster_type": dns(),
        "connect_timeout": "1s",
        "typed_extension_protocol_options": http2_upstream(),
        **endpoints(OTLP, (address,)),
    }
