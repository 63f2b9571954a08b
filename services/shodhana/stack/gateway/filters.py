"""The chain of HTTP filters.

The transcoder stands before authentication, so that REST, gRPC and grpc-web all meet it as `/package.Service/Method`
and one set of rules holds for the three.
"""

from __future__ import annotations

from . import sessions
from .contracts import Rpc
from .parameters import GatewayParameters, RateLimits
from .replies import RETRY_AFTER_S
from .tokens import CLAIMS, FILTERS, JWT, permission_check, token_check
from .transcoding import BUFFER, MAX_REST_BODY_BYTES, REST_SCRIPT, TRANSCODER, rest_script, transcoder
from .values import Config, extension, seconds, typed

ISSUE, LOG_IN = "issue_token", "log_in"
GUARDED = {
    ISSUE: r"/shodhana[.]api[.]identity.*/(IssueToken|StartDeviceLogin|Redeem\w+|RefreshLogin|EndLogin)",
    LOG_IN: r"/auth/(login|callback|authorize|device)([?].*)?",
}
"""What may be called without a token, and gives one: by name, the path."""


def http_filters(parameters: GatewayParameters, rpcs: list[Rpc]) -> list[Config]:
    """Every filter before the router, first to last."""
    return [
        health_page("/health", {}),
        health_page("/ready", dict.fromkeys(parameters.clusters, 1)),
        extension("envoy.filters.http.cors", f"{FILTERS}.cors.v3.Cors"),
        {"disabled": True, **extension(BUFFER, f"{FILTERS}.buffer.v3.Buffer", max_request_bytes=MAX_REST_BODY_BYTES)},
        {"name": REST_SCRIPT, "typed_config": rest_script()},
        extension("envoy.filters.http.grpc_web", f"{FILTERS}.grpc_web.v3.GrpcWeb"),
        {"name": TRANSCODER, "typed_config": transcoder(parameters, rpcs)},
        *([sessions.session_check()] if parameters.auth else []),
        {"name": JWT, "typed_config": token_check(parameters, rpcs)},
        {"name": "envoy.filters.http.rbac", "typed_config": permission_check()},
        {"name": "envoy.filters.http.local_ratelimit", "typed_config": rate_limit(parameters.rate_limits)},
        extension(
            "envoy.filters.http.grpc_stats",
            f"{FILTERS}.grpc_stats.v3.FilterConfig",
            stats_for_all_methods=True,
            replace_dots_in_grpc_service_name=True,
            enable_upstream_stats=True,
        ),
    ]


def health_page(path: str, least_healthy_percent: dict[str, int]) -> Config:
    """Answers `path` with 200 while each named cluster has so many healthy replicas, else 503."""
    return extension(
        f"health_check{path.replace('/', '.')}",
        f"{FILTERS}.health_check.v3.HealthCheck",
        pass_through_mode=False,
        headers=[{"name": ":path", "string_match": {"exact": path}}],
        cluster_min_healthy_percentages={name: {"value": percent} for name, percent in least_healthy_percent.items()},
    )


def rate_limit(limits: RateLimits) -> Config:
    """Token buckets: of all calls, of one subject, and of one address that asks for tokens or logs in."""
    subject = {
        "metadata": {
            "descriptor_key": "subject",
            "source": "DYNAMIC",
            "metadata_key": {"key": JWT, "path": [{"key": CLAIMS}, {"key": "sub"}]},
        }
    }
    everywhere = {"numerator": 100, "denominator": "HUNDRED"}
    return typed(
        f"{FILTERS}.local_ratelimit.v3.LocalRateLimit",
        stat_prefix="calls",
        token_bucket=bucket(limits.total_per_s, limits.burst_s),
        filter_enabled={"default_value": everywhere},
        filter_enforced={"default_value": everywhere},
        rate_limited_as_resource_exhausted=True,
        enable_x_ratelimit_headers="DRAFT_VERSION_03",
        response_headers_to_add=[
            {"header": {"key": "retry-after", "value": str(RETRY_AFTER_S)}, "append_action": "ADD_IF_ABSENT"}
        ],
        max_dynamic_descriptors=10_000,
        rate_limits=[
            {"actions": [subject]},
            *({"actions": [called(name, path), {"remote_address": {}}]} for name, path in GUARDED.items()),
        ],
        descriptors=[
            {"entries": [{"key": "subject"}], "token_bucket": bucket(limits.subject_per_s, limits.burst_s)},
            by_address(ISSUE, bucket(limits.token_per_s, limits.burst_s)),
            by_address(LOG_IN, bucket(limits.login_per_s, limits.login_burst_s)),
        ],
    )


def called(name: str, path: str) -> Config:
    """Names calls whose path an expression matches."""
    header = {"name": ":path", "string_match": {"safe_regex": {"regex": path}}}
    return {"header_value_match": {"descriptor_key": "call", "descriptor_value": name, "headers": [header]}}


def by_address(name: str, token_bucket: Config) -> Config:
    """A bucket for each address that makes such calls."""
    return {"entries": [{"key": "call", "value": name}, {"key": "remote_address"}], "token_bucket": token_bucket}


def bucket(per_s: int, burst_s: int) -> Config:
    """A token bucket, filled ten times a second where the rate divides by ten, else once."""
    parts = 10 if per_s % 10 == 0 else 1
    return {
        "max_tokens": per_s * burst_s,
        "tokens_per_fill": per_s // parts,
        "fill_interval": seconds(1 / parts),
    }
