"""Service accounts that a deployment hands over at start."""

from __future__ import annotations

import json
from pathlib import Path

from .accounts import Accounts, hash_secret
from .roles import check_roles


async def take_over_accounts(path: Path, accounts: Accounts) -> None:
    """Puts every account of the file, which stays the only place of the secrets.

    Raises RoleUnknown; KeyError or ValueError for a file of another shape.
    """
    listed = json.loads(path.read_text())
    for item in listed:
        roles = check_roles(item["roles"])
        await accounts.put_service_account(item["client_id"], roles, hash_secret(item["client_secret"]))
