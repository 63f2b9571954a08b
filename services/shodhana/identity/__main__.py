"""Starts the identity service."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from shodhana.api.identity.v1 import identity_pb2_grpc as grpc_api
from shodhana.runtime import postgres
from shodhana.runtime.application import Application, run
from shodhana.runtime.redis import open_redis

from .adapters.key_files import KeyFileSigner
from .adapters.openid_provider import Client, OpenIdProvider
from .adapters.postgres_accounts import PostgresAccounts
from .adapters.postgres_audit import PostgresAudit
from .adapters.redis_vault import RedisVault
from .check import CheckServicer
from .domain.absent import NoProvider, NoVault
from .domain.bootstrap import take_over_accounts
from .domain.gate import Gate
from .domain.logins import Admission, LogIn, Provider
from .domain.sessions import SessionPolicy, Sessions
from .domain.tokens import TokenIssuer, TokenPolicy
from .domain.tool_logins import ToolLogins, ToolPolicy
from .servicer import IdentityServicer, UserServicer
from .settings import IdentitySettings
from .web.application import application, serving
from .web.sessions import SessionPages
from .web.tools import ToolPages

VAULT_PATIENCE_S = 2.0  # sessions are nowhere else: on a busy machine, late is better than refused


@dataclass(frozen=True, slots=True)
class Served:
    """Where the pages are; 0 where there are none."""

    pages_port: int


async def register(app: Application, settings: IdentitySettings) -> Served:
    pool = await app.enter(postgres.open_pool(settings, "identity"))
    app.ready_when("postgres", partial(postgres.ping, pool))
    app.background("audit", PostgresAudit(pool).seal)
    accounts = PostgresAccounts(pool)
    if settings.service_accounts_path is not None:
        app.background("accounts", partial(take_over_accounts, settings.service_accounts_path, accounts))
    signer = KeyFileSigner(settings.signing_key_path, settings.jwks_path)
    lives = (settings.token_lifetime_s, settings.user_token_lifetime_s)
    issuer = TokenIssuer(accounts, signer, TokenPolicy(settings.token_issuer, settings.token_audience, *lives))
    redis = await app.enter(open_redis(settings, VAULT_PATIENCE_S))
    vault = RedisVault(redis) if redis is not None else NoVault()
    policy = SessionPolicy(settings.session_idle_s, settings.session_absolute_s)
    sessions = Sessions(vault, accounts, policy)
    tools = ToolLogins(vault, accounts, ToolPolicy(settings.tool_login_idle_s, settings.tool_login_absolute_s))
    grpc_api.add_IdentityServiceServicer_to_server(IdentityServicer(issuer, tools, settings.public_url), app.server)
    grpc_api.add_UserServiceServicer_to_server(UserServicer(accounts), app.server)
    app.serves("shodhana.api.identity.v1.IdentityService", "shodhana.api.identity.v1.UserService")
    CheckServicer(Gate(sessions, issuer)).add_to(app.server)
    if not settings.auth_listen_address:
        return Served(0)
    log_in = LogIn(provider_of(settings), vault, accounts, admission_of(settings))
    pages = SessionPages(log_in, sessions, accounts, settings.session_absolute_s)
    served = serving(application(pages, ToolPages(sessions, tools)), settings.auth_listen_address, app.tls_context())
    return Served(await app.enter(served))


def provider_of(settings: IdentitySettings) -> Provider:
    """The provider that the settings name."""
    if not settings.oidc_issuer:
        return NoProvider()
    client = Client(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        redirect_uri=f"{settings.public_url}/auth/callback",
        scope=settings.oidc_scope,
        roles_claim=settings.oidc_roles_claim,
        trusts_email=settings.oidc_trusts_email,
    )
    return OpenIdProvider(client)


def admission_of(settings: IdentitySettings) -> Admission:
    return Admission(frozenset(address.lower() for address in settings.first_admin_emails))


async def _register(app: Application, settings: IdentitySettings) -> None:
    await register(app, settings)


if __name__ == "__main__":
    run(IdentitySettings(), _register)
