#!/opt/venv/bin/python
"""Brings the database up to date and lets the services' roles log in; ends when that is done.

Reads from `SECRETS_DIR` (or, in capitals, from the environment) `database_url`, the owner's, and the password of each
role: `role_identity`, `role_similarity`, …; both are safe to repeat.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from shodhana.stack.migrations import SCHEMAS, MigrationFailed, migrate, set_passwords

SECRETS = Path(os.environ.get("SECRETS_DIR", "/run/secrets/shodhana"))


def secret(name: str) -> str:
    """Raises SystemExit where it is nowhere."""
    if value := os.environ.get(name.upper()):
        return value
    path = SECRETS / name
    if not path.exists():
        sys.exit(f"migrate: {path} is missing, and so is {name.upper()}")
    return path.read_text().strip()


def main() -> int:
    url = secret("database_url")
    passwords = {schema: secret(f"role_{schema}") for schema in SCHEMAS}
    try:
        migrate(url)
    except MigrationFailed as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    asyncio.run(set_passwords(url, passwords))
    print(f"migrate: the database is up to date, {len(passwords)} roles can log in")
    return 0


if __name__ == "__main__":
    sys.exit(main())
