"""Starts the identity service."""

from __future__ import annotations

from functools import partial

from shodhana.api.identity.v1 import identity_pb2_grpc as grpc_api
from shodhana.runtime import postgres
from shodhana.runtime.application import Application, run

from .adapters.key_files import KeyFileSigner
from .adapters.postgres_accounts import PostgresAccounts
from .domain.bootstrap import take_over_accounts
from .domain.tokens import TokenIssuer, TokenPolicy
from .servicer import IdentityServicer, UserServicer
from .settings import IdentitySettings


async def register(app: Application, settings: IdentitySettings) -> None:
    pool = await app.enter(postgres.open_pool(settings, "identity"))
    app.ready_when("postgres", partial(postgres.ping, pool))
    accounts = PostgresAccounts(pool)
    if settings.service_accounts_path is not None:
        app.background("accounts", partial(take_over_accounts, settings.service_accounts_path, accounts))
    signer = KeyFileSigner(settings.signing_key_path, settings.jwks_path)
    policy = TokenPolicy(settings.token_issuer, settings.token_audience, settings.token_lifetime_s)
    grpc_api.add_IdentityServiceServicer_to_server(IdentityServicer(TokenIssuer(accounts, signer, policy)), app.server)
    grpc_api.add_UserServiceServicer_to_server(UserServicer(accounts), app.server)
    app.serves("shodhana.api.identity.v1.IdentityService", "shodhana.api.identity.v1.UserService")


if __name__ == "__main__":
    run(IdentitySettings(), register)
