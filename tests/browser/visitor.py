"""A person in front of the dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shodhana.stack.places import PROJECT

from tests.browser import WAIT_MS, expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE = PROJECT / "clients" / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = PROJECT / "clients" / "dashboard" / "src" / "screens" / "index.ts"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SOMETHING = re.compile(".{20}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A page of a browser of its own; the person's name is that of their role."""

    site: str
    page: Page

    def log_in(self, who: str, path: str = "/") -> None:
        """From the dashboard's first page to the provider, and back to `path`."""
        self.page.goto(f"{self.site}/app{path}")
        self.page.get_by_role("link", name="Log in").click()
        self.page.fill("input[name=login]", who)
        self.page.fill("input[name=password]", "any")
        self.page.click("button[type=submit]")
        self.page.click("button[type=submit]")  # agrees
        expect(self.page.locator("details.menu")).to_be_visible()

    def open(self, path: str) -> None:
        """A path below /app, with something to read on it."""
        self.page.goto(f"{self.site}/app{path}")
        expect(self.page.get_by_role("main")).to_contain_text(SOMETHING)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def violations(self) -> list[str]:
        """What axe finds against WCAG 2.2 AA, a line a rule."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())  # as a script of the page the policy would refuse it
        options = {"runOnly": RULES, "resultTypes": ["violations"]}
        found: dict[str, Any] = self.page.evaluate("options => axe.run(document, options)", options)
        return [f"{one['id']}: {json.dumps([node['target'] for node in one['nodes']])}" for one in found["violations"]]

    def overflow_px(self) -> int:
        """How much wider than the window the page is."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return width


@contextmanager
def visiting(browser: Browser, site: str, **options: Any) -> Iterator[Visitor]:
    """A new visitor, who takes the local certificate for granted; errors of the page's scripts fail the test."""
    context = browser.new_context(ignore_https_errors=True, **options)
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield Visitor(site, page)
        assert not errors
    finally:
        context.close()


def screen_paths() -> list[str]:
    """Of every screen in the dashboard's table."""
    return re.findall(r'path: "(/[\w/]+)"', Path(SCREENS).read_text())
