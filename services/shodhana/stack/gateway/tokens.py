"""Who may call: the check of the token and that of the permission."""

from __future__ import annotations

import yaml

from ..places import GATEWAY
from . import browser_traces, dashboard, sessions
from .contracts import Rpc
from .keys import remote_keys
from .parameters import GatewayParameters
from .routes import PAGES
from .values import Config, typed

FILTERS = "extensions.filters.http"
JWT = "envoy.filters.http.jwt_authn"
CLAIMS = "claims"
"""Where the verified token's claims stand in the metadata of JWT."""
OPEN_PATHS = (*PAGES, "/health", "/ready", dashboard.ROOT, "/app")
OPEN_PREFIXES = (sessions.PREFIX, dashboard.PREFIX)
CLOCK_SKEW_S = 30


def token_check(parameters: GatewayParameters, rpcs: list[Rpc]) -> Config:
    """Verifies the token of every RPC that is not public; the services verify it again, so it is handed on."""
    served = zip(OPEN_PREFIXES, (parameters.auth, parameters.dashboard), strict=True)
    pages = [{"match": {"prefix": prefix}} for prefix, is_served in served if is_served]
    open_paths = [*OPEN_PATHS, *(rpc.path for rpc in rpcs if rpc.permission == "public")]
    provider = {
        "issuer": parameters.issuer,
        "audiences": [parameters.audience],
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_S,
        "forward": True,
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": CLAIMS,
        "remote_jwks": remote_keys(),
        "jwt_cache_config": {"jwt_cache_size": 1000},
    }
    return typed(
        f"{FILTERS}.jwt_authn.v3.JwtAuthentication",
        providers={"identity": provider},
        rules=[
            *pages,
            *({"match": {"path": path}} for path in open_paths),
            {"match": {"prefix": "/"}, "requires": {"provider_name": "identity"}},
        ],
        bypass_cors_preflight=True,
    )


def permission_check() -> Config:
    """Who may call what, as generated from the contracts; what no policy allows is refused."""
    policies: Config = yaml.safe_load((GATEWAY / "rbac.yaml").read_text())["policies"]
    paths = [{"url_path": {"path": {"exact": path}}} for path in OPEN_PATHS]
    paths += [{"url_path": {"path": {"prefix": prefix}}} for prefix in OPEN_PREFIXES]
    pages = {"permissions": [{"or_rules": {"rules": paths}}], "principals": [{"any": True}]}
    traces = {
        "permissions": [{"url_path": {"path": {"exact": browser_traces.PATH}}}],
        "principals": policies["authenticated"]["principals"],
    }
    rules = {"action": "ALLOW", "policies": {"pages": pages, "traces": traces, **policies}}
    return typed(f"{FILTERS}.rbac.v3.RBAC", rules=rules)
