"""The dashboard in Chromium, against a whole mesh and a real OpenID provider."""

from __future__ import annotations

from typing import Any

try:
    from playwright.sync_api import expect
except ImportError:  # the fixture `chromium_path` says what is missing
    expect: Any = None

__all__ = ["expect"]
