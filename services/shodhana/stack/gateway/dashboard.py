"""The dashboard's files under /app/, answered from Envoy's memory: a server of its own would add nothing to them.

Their names carry hashes of their content, so browsers keep them for good and ask for the page alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..places import DASHBOARD
from .transcoding import TRANSCODER
from .values import Config, typed

PREFIX = "/app/"
ROOT = "/"
MANIFEST = "files.json"
SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "referrer-policy": "no-referrer",
    "vary": "accept-encoding",
    "x-content-type-options": "nosniff",
}
PAGE_CACHE, ASSET_CACHE = "no-cache", "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class DashboardFile:
    """One file of the build; `gzip` is a compressed copy, empty where there is none."""

    path: str
    file: str
    content_type: str
    gzip: str


def is_built() -> bool:
    """Whether there is a dashboard to serve: `tools/setup_dashboard.sh` builds it."""
    return (DASHBOARD / MANIFEST).exists()


def built_files() -> list[DashboardFile]:
    """What the build wrote, the page among it."""
    listed = json.loads((DASHBOARD / MANIFEST).read_text())
    return [DashboardFile(one["path"], one["file"], one["type"], one["gzip"] or "") for one in listed]


def routes(folder: Path) -> list[Config]:
    """Each file at its path, the page at every other path below /app/ but /app/assets/; `folder` as Envoy sees it."""
    files = built_files()
    found = [route for file in files if file.path != PREFIX for route in file_routes(folder, file, ASSET_CACHE, "path")]
    found.append({"match": {"prefix": f"{PREFIX}assets/"}, "direct_response": {"status": 404}, **untranscoded()})
    page = next(file for file in files if file.path == PREFIX)
    found += file_routes(folder, page, PAGE_CACHE, "prefix")
    # Clients ask for "/app" and "/", which are not below "/app/".
    return found + [
        {"match": {"path": path}, "redirect": {"path_redirect": PREFIX, "response_code": "FOUND"}, **untranscoded()}
        for path in (ROOT, "/app")
    ]


def file_routes(folder: Path, file: DashboardFile, cache: str, match: str) -> list[Config]:
    """The compressed copy for those who take it, and the file."""
    found = [(file.gzip, True)] if file.gzip else []
    return [file_route(folder / name, file, cache, match, gzip) for name, gzip in [*found, (file.file, False)]]


def file_route(content: Path, file: DashboardFile, cache: str, match: str, is_gzip: bool) -> Config:
    headers = {**SECURITY, "content-type": file.content_type, "cache-control": cache}
    asked = [{"name": ":method", "string_match": {"exact": "GET"}}]
    if is_gzip:
        headers["content-encoding"] = "gzip"
        asked.append({"name": "accept-encoding", "string_match": {"contains": "gzip"}})
    return {
        "match": {match: file.path, "headers": asked},
        "direct_response": {"status": 200, "body": {"filename": str(content)}},
        "response_headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
        **untranscoded(),
    }


def untranscoded() -> Config:
    return {"typed_per_filter_config": {TRANSCODER: typed("config.route.v3.FilterConfig", disabled=True)}}
