"""An OpenID provider, asked over HTTP."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shodhana.errors import Unavailable
from shodhana.runtime.validation import CONTROL

from ..domain.accounts import ProvenIdentity
from ..domain.logins import LoginRefused, Question

DISCOVERY = "/.well-known/openid-configuration"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519"]
"""Public keys only: no "none", and no secret that both sides hold."""
METHODS = ("client_secret_basic", "client_secret_post")
FRESH_S = 3600
LEAST_AGE_S = 10
"""An unknown key makes no more requests than one in that time."""
LEEWAY_S = 60
TIMEOUT_S = 5.0
LONGEST_NAME = 200
"""As the contract has it."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to the provider."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    scope: str = "openid email profile"
    roles_claim: str = ""
    """Name of a claim that lists the roles of whoever logs in for the first time; empty: none does."""
    trusts_email: bool = False
    """Whether an address holds that the provider says nothing about (no `email_verified`)."""


class OpenIdProvider:
    """The port `Provider`: discovery, authorization code with PKCE (S256), id_token checked against the JWK set."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._tls = ssl.create_default_context()  # once: reading the authorities takes a tenth of a second
        self._metadata: tuple[float, dict[str, Any]] = (0.0, {})
        self._keys: tuple[float, KeySet | None] = (0.0, None)

    async def authorization_url(self, question: Question) -> str:
        metadata = await self._discover()
        asked = {"state": question.state, "nonce": question.nonce, "code_verifier": question.verifier}
        async with self._oauth(metadata) as oauth:
            url, _ = oauth.create_authorization_url(metadata["authorization_endpoint"], **asked)
        return str(url)

    async def redeem(self, code: str, question: Question) -> ProvenIdentity:
        metadata = await self._discover()
        try:
            async with self._oauth(metadata) as oauth:
                shown = {"code": code, "code_verifier": question.verifier, "grant_type": "authorization_code"}
                answer = await oauth.fetch_token(metadata["token_endpoint"], **shown)
        except AuthlibBaseError as error:
            raise LoginRefused(f"the provider refused the code: {error.error}") from error
        except httpx.HTTPError as error:
            raise _unavailable(error) from error
        if "id_token" not in answer:
            raise LoginRefused("the provider sent no id_token")
        claims = await self._verified(answer, question.nonce)
        return self._identity(claims if "email" in claims else await self._with_userinfo(claims, answer))

    def check_issuer(self, issuer: str | None) -> None:
        if issuer is not None and issuer != self._client.issuer:
            raise LoginRefused("the answer comes from another provider")

    async def _verified(self, answer: Mapping[str, Any], nonce: str) -> CodeIDToken:
        """The claims of an id_token. Raises LoginRefused."""
        try:
            token = await self._decoded(answer["id_token"])
            expected: dict[str, Any] = {
                "iss": {"essential": True, "value": self._client.issuer},
                "aud": {"essential": True, "value": self._client.client_id},
                "nonce": {"essential": True, "value": nonce},
            }
            params = {"client_id": self._client.client_id, "access_token": answer.get("access_token"), "nonce": nonce}
            claims = CodeIDToken(token.claims, token.header, expected, params)
            claims.validate(now=self._clock(), leeway=LEEWAY_S)
        except (JoseError, AuthlibBaseError, ValueError) as error:
            raise LoginRefused(f"the id_token does not hold: {type(error).__name__}") from error
        return claims

    async def _decoded(self, text: str) -> jwt.Token:
        """With a known key, or with one that the provider publishes since."""
        asked_at, keys = self._keys
        if keys is not None and self._clock() - asked_at < FRESH_S:
            try:
                return jwt.decode(text, keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                if self._clock() - asked_at < LEAST_AGE_S:
                    raise
        document = await self._get((await self._discover())["jwks_uri"])
        keys = KeySet.import_key_set({"keys": [key for key in document["keys"] if key.get("use", "sig") == "sig"]})
        self._keys = (self._clock(), keys)
        return jwt.decode(text, keys, algorithms=ALGORITHMS)

    async def _with_userinfo(self, claims: Mapping[str, Any], answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """The claims with what a provider tells only when it is asked. Raises LoginRefused, Unavailable."""
        endpoint = (await self._discover()).get("userinfo_endpoint")
        if not endpoint:
            return claims
        told = await self._get(endpoint, {"authorization": f"Bearer {answer['access_token']}"})
        if told.get("sub") != claims["sub"]:
            raise LoginRefused("the provider tells of another person")
        return {**told, **claims}

    def _identity(self, claims: Mapping[str, Any]) -> ProvenIdentity:
        is_verified = claims.get("email_verified", self._client.trusts_email)
        listed = claims.get(self._client.roles_claim) if self._client.roles_claim else None
        return ProvenIdentity(
            issuer=self._client.issuer,
            subject=str(claims["sub"]),
            email=str(claims.get("email", "")).lower() if is_verified in (True, "true") else "",
            display_name=_in_one_line(str(claims.get("name") or claims.get("preferred_username") or "")),
            roles=tuple(map(str, listed)) if isinstance(listed, list) else (),
        )

    async def _discover(self) -> dict[str, Any]:
        """What the provider says of itself. Raises Unavailable."""
        asked_at, metadata = self._metadata
        if metadata and self._clock() - asked_at < FRESH_S:
            return metadata
        try:
            metadata = await self._get(self._client.issuer.rstrip("/") + DISCOVERY)
        except Unavailable:
            if self._metadata[1]:  # yesterday's serves while the provider is away
                return self._metadata[1]
            raise
        if metadata.get("issuer") != self._client.issuer:
            raise Unavailable(f"the provider calls itself {metadata.get('issuer')!r}, not {self._client.issuer!r}")
        self._metadata = (self._clock(), metadata)
        return metadata

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, verify=self._tls) as client:
                answer = await client.get(url, headers=headers)
                answer.raise_for_status()
                document = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _unavailable(error) from error
        if not isinstance(document, dict):
            raise Unavailable("the log-in provider does not answer as one")
        return document

    def _oauth(self, metadata: Mapping[str, Any]) -> AsyncOAuth2Client:
        offered = metadata.get("token_endpoint_auth_methods_supported", METHODS)
        method = next((known for known in METHODS if known in offered), METHODS[0])
        return AsyncOAuth2Client(
            self._client.client_id,
            self._client.client_secret,
            token_endpoint_auth_method=method if self._client.client_secret else "none",
            scope=self._client.scope,
            redirect_uri=self._client.redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
            verify=self._tls,
        )


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(f"the log-in provider does not answer: {type(error).__name__}", retry_after_s=1.0)


def _in_one_line(name: str) -> str:
    """A name as calls may bring one: people choose theirs at the provider, and colleagues read it on a terminal."""
    return " ".join(CONTROL.sub(" ", name).split())[:LONGEST_NAME]
