"""The dashboard in Chromium, against a whole mesh and a real OpenID provider."""

from __future__ import annotations

from typing import Any

WAIT_MS = 20_000

try:
    from playwright.sync_api import expect

    expect.set_options(timeout=WAIT_MS)
except ImportError:  # the fixture `chromium_path` says what is missing
    expect: Any = None

__all__ = ["WAIT_MS", "expect"]
