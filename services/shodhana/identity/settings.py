"""Settings of the identity service."""

from __future__ import annotations

from pathlib import Path

from shodhana.runtime.settings import Addresses, RuntimeSettings


class IdentitySettings(RuntimeSettings):
    """Read once in `__main__`; names of the environment are the field names in capitals."""

    service_name: str = "identity"
    signing_key_path: Path = Path("signing_key.json")
    """Private key (JWK), made at first start, readable by the owner only."""
    service_accounts_path: Path | None = None
    """JSON list of {client_id, client_secret, roles} taken over at each start; absent: none."""
    token_lifetime_s: int = 900
    user_token_lifetime_s: int = 300
    """Of the tokens of people; what an administrator takes away holds no longer."""

    auth_listen_address: str | None = None
    """`host:port` of the pages under /auth/; absent: none, people cannot log in."""
    public_url: str = "https://localhost"
    """What browsers call the gateway, without a slash at the end; the provider sends them to its /auth/callback."""
    oidc_issuer: str | None = None
    """As the provider's discovery document spells it: "https://accounts.google.com"; absent: people cannot log in."""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_scope: str = "openid email profile"
    oidc_roles_claim: str = ""
    """Claim of the id_token that lists the roles of whoever logs in for the first time; empty: they have none."""
    oidc_trusts_email: bool = False
    """Takes an address for verified that the provider says nothing about (Microsoft Entra sends no email_verified)."""
    first_admin_emails: Addresses = ()
    """The first of these to log in becomes administrator, while nobody is one."""
    session_idle_s: int = 7200
    session_absolute_s: int = 43200
    tool_login_idle_s: int = 14 * 86400
    tool_login_absolute_s: int = 90 * 86400
