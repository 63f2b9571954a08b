"""How people log in to a stack: at the provider that OIDC_ISSUER names, else at the development log-in."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from . import health
from .keeper import guarded
from .options import StackOptions
from .parts import Program
from .ports import LOOPBACK
from .provider.people import ROLES_CLAIM

PROVIDER = "development-login"
CLIENT_ID = "shodhana-local"


@dataclass(frozen=True, slots=True)
class LogInPlan:
    """What identity is told, and the program of the development log-in where that stands in."""

    options: StackOptions
    gateway_port: int
    provider_port: int
    client_secret: str
    """Of the development log-in."""

    @property
    def is_development(self) -> bool:
        return self.options.oidc_issuer is None

    @property
    def public_url(self) -> str:
        return self.options.public_url or f"https://localhost:{self.gateway_port}"

    def environment(self, sessions_url: str) -> dict[str, str]:
        """Of identity; sessions are kept where nothing is evicted."""
        told = {"PUBLIC_URL": self.public_url, "REDIS_URL": sessions_url}
        if not self.is_development:
            return {**told, "OIDC_CLIENT_SECRET": self.options.oidc_client_secret}
        return {
            **told,
            "OIDC_ISSUER": f"http://{LOOPBACK}:{self.provider_port}",
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": self.client_secret,
            "OIDC_ROLES_CLAIM": ROLES_CLAIM,
        }

    def programs(self) -> list[Program]:
        """The development log-in, or nothing."""
        if not self.is_development:
            return []
        words = (sys.executable, "-m", "shodhana.stack.provider", str(self.provider_port))
        program = Program(
            name=PROVIDER,
            command=guarded(*words, f"{self.public_url}/auth/callback"),
            check=health.http_answers(self.provider_port, "/.well-known/openid-configuration"),
            environment={"DEVELOPMENT_CLIENT_SECRET": self.client_secret, "PYTHONDONTWRITEBYTECODE": ""},
            port=self.provider_port,
        )
        return [program]
