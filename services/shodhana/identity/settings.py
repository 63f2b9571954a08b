"""Settings of the identity service."""

from __future__ import annotations

from pathlib import Path

from shodhana.runtime.settings import RuntimeSettings


class IdentitySettings(RuntimeSettings):
    """Read once in `__main__`; names of the environment are the field names in capitals."""

    service_name: str = "identity"
    signing_key_path: Path = Path("signing_key.json")
    """Private key (JWK), made at first start, readable by the owner only."""
    service_accounts_path: Path | None = None
    """JSON list of {client_id, client_secret, roles} taken over at each start; absent: none."""
    token_lifetime_s: int = 900
