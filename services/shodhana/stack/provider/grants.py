"""What the development log-in promises: codes that hold once and only with their verifier, and signed id_tokens."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey

from .people import Person

CODE_S = 60
TOKEN_S = 300
ALGORITHM = "ES256"


class Refused(Exception):
    """An OAuth error ("invalid_grant"), and why in words."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Client:
    """The one relying party."""

    client_id: str
    client_secret: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Request:
    """What the relying party asks for."""

    state: str
    nonce: str
    code_challenge: str


@dataclass(frozen=True, slots=True)
class _Code:
    request: Request
    person: Person
    expires_at: float


class Grants:
    """Codes in memory, and the key that signs: both end with the process."""

    def __init__(self, issuer: str, client: Client, clock: Callable[[], float] = time.time) -> None:
        self.issuer = issuer
        self.client = client
        self._clock = clock
        self._codes: dict[str, _Code] = {}
        self._key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, private=True, auto_kid=True)

    def checked(self, asked: Mapping[str, str]) -> Request:
        """A request that may be answered. Raises Refused."""
        if asked.get("client_id") != self.client.client_id or asked.get("redirect_uri") != self.client.redirect_uri:
            raise Refused("invalid_request", "client_id and redirect_uri are not those of this stack")
        if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
            raise Refused("invalid_request", "only response_type=code with scope openid is known here")
        if asked.get("code_challenge_method") != "S256" or len(asked.get("code_challenge", "")) != 43:
            raise Refused("invalid_request", "a code_challenge (S256) is required")
        return Request(asked.get("state", ""), asked.get("nonce", ""), asked["code_challenge"])

    def code_for(self, request: Request, person: Person) -> str:
        """A code, for a minute."""
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Code(request, person, self._clock() + CODE_S)
        return code

    def authenticate(self, client_id: str, client_secret: str) -> None:
        """Raises Refused for all but the relying party."""
        shown, known = f"{client_id}:{client_secret}", f"{self.client.client_id}:{self.client.client_secret}"
        if not hmac.compare_digest(shown.encode(), known.encode()):
            raise Refused("invalid_client", "client id and secret do not match")

    def redeem(self, asked: Mapping[str, str]) -> dict[str, object]:
        """The token endpoint's answer. Raises Refused; a code is spent by the first attempt, whatever comes of it."""
        if asked.get("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type", "only authorization_code is known here")
        found = self._codes.pop(asked.get("code", ""), None)
        if found is None or found.expires_at <= self._clock():
            raise Refused("invalid_grant", "the code is unknown, too old, or was used before")
        if asked.get("redirect_uri") != self.client.redirect_uri:
            raise Refused("invalid_grant", "the code was sent to another redirect_uri")
        challenge = create_s256_code_challenge(asked.get("code_verifier", ""))
        if not hmac.compare_digest(challenge, found.request.code_challenge):
            raise Refused("invalid_grant", "the code_verifier does not match the code_challenge")
        return {
            "access_token": secrets.token_urlsafe(32),
            "token_type": "Bearer",
            "expires_in": TOKEN_S,
            "id_token": self._id_token(found),
        }

    def public_keys(self) -> dict[str, object]:
        """The JWK set."""
        return {"keys": [self._key.as_dict(private=False)]}

    def _id_token(self, code: _Code) -> str:
        now = int(self._clock())
        claims = {
            **code.person.claims,
            "iss": self.issuer,
            "aud": self.client.client_id,
            "iat": now,
            "exp": now + TOKEN_S,
            "nonce": code.request.nonce,
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key)
