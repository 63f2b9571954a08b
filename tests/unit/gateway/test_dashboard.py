"""The routes of the dashboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from shodhana.stack.gateway import dashboard

SCRIPT = {"path": "/app/assets/main-A1.js", "file": "assets/main-A1.js", "type": "text/javascript"}
PAGE = {"path": "/app/", "file": "index.html", "type": "text/html", "gzip": None}
FOLDER = Path("/etc/shodhana/dashboard")


@pytest.fixture
def routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Of a build with one script, compressed too, and the page."""
    monkeypatch.setattr(dashboard, "DASHBOARD", tmp_path)
    assert not dashboard.is_built()
    files = [PAGE, {**SCRIPT, "gzip": "assets/main-A1.js.gz"}]
    (tmp_path / "files.json").write_text(json.dumps(files))
    assert dashboard.is_built()
    return dashboard.routes(FOLDER)


def headers_of(route: dict[str, Any]) -> dict[str, str]:
    return {one["header"]["key"]: one["header"]["value"] for one in route["response_headers_to_add"]}


def test_the_compressed_copy_is_for_those_who_take_it(routes: list[dict[str, Any]]) -> None:
    compressed, plain = (route for route in routes if route["match"].get("path") == SCRIPT["path"])
    assert compressed["direct_response"]["body"] == {"filename": f"{FOLDER}/assets/main-A1.js.gz"}
    assert headers_of(compressed)["content-encoding"] == "gzip"
    assert plain["direct_response"]["body"] == {"filename": f"{FOLDER}/assets/main-A1.js"}
    assert "content-encoding" not in headers_of(plain)


def test_the_page_is_asked_for_again_and_assets_are_kept(routes: list[dict[str, Any]]) -> None:
    kept = {headers_of(route)["cache-control"] for route in routes if route["match"].get("path") == SCRIPT["path"]}
    (page,) = (route for route in routes if route["match"].get("prefix") == "/app/")
    assert kept == {"public, max-age=31536000, immutable"}
    assert headers_of(page)["cache-control"] == "no-cache"


def test_an_asset_that_is_not_there_is_no_page(routes: list[dict[str, Any]]) -> None:
    prefixes = [route["match"]["prefix"] for route in routes if "prefix" in route["match"]]
    assert prefixes == ["/app/assets/", "/app/"]


def test_no_script_or_call_leaves_the_origin() -> None:
    policy = dashboard.SECURITY["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
