"""What holds for every screen: accessible in both themes, narrow, within the budget, and nothing from elsewhere."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from shodhana.stack.places import DASHBOARD

from tests.browser import expect
from tests.browser.visitor import screen_paths

if TYPE_CHECKING:
    from playwright.sync_api import Response

    from tests.browser.conftest import Mesh
    from tests.browser.visitor import Visitor

    Visit = Callable[..., AbstractContextManager[Visitor]]

BUDGET_BYTES = 60_000
INNER = ("/queue/1", "/lexicon/1/1", "/lexicon/versions", "/lexicon/versions/1", "/lexicon/proposals", "/nowhere")
LOOKS = (("light", 360), ("dark", 1280))
ONLY_SELF = ["default-src", "script-src", "style-src", "font-src", "img-src", "connect-src"]


def test_every_screen_is_accessible_in_both_themes_and_fits_a_narrow_window(visit: Visit) -> None:
    found: dict[str, list[str]] = {}
    with visit() as visitor:
        visitor.open("/")
        found["before the log-in"] = visitor.violations()
        for who, paths in (("expert", (*screen_paths(), *INNER)), ("admin", screen_paths())):
            visitor.page.context.clear_cookies()
            visitor.log_in(who)
            for path in paths:
                found |= {f"{who} {path} {look}": wrong for look, wrong in flaws(visitor, path)}
    assert {where: wrong for where, wrong in found.items() if wrong} == {}


def flaws(visitor: Visitor, path: str) -> Iterator[tuple[str, list[str]]]:
    """What is wrong with a screen, by how it is looked at."""
    for theme, width in LOOKS:
        visitor.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        visitor.page.set_viewport_size({"width": width, "height": 800})
        visitor.open(path)
        over = visitor.overflow_px()
        yield f"{theme} {width}", visitor.violations() + ([f"{over} px too wide"] if over > 0 else [])


def test_the_keyboard_alone_reaches_and_works_everything(visit: Visit) -> None:
    with visit() as visitor:
        visitor.log_in("expert", "/queue")
        visitor.open("/queue")
        visitor.press("Tab")
        expect(visitor.page.get_by_role("link", name="To the content")).to_be_focused()
        visitor.press("Enter")
        visitor.press("Tab")
        expect(visitor.page.get_by_role("searchbox", name="Heard")).to_be_focused()
        visitor.press(*"krish")
        expect(visitor.page.locator("ul.cases > li").first).to_contain_text("Krishna")
        assert "heard=krish" in visitor.page.url


def test_the_policy_is_strict_and_nothing_comes_from_elsewhere(visit: Visit, mesh: Mesh) -> None:
    with visit() as visitor:
        visitor.log_in("expert")
        answers: list[Response] = []
        visitor.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - it takes no builtin
        for path in screen_paths():
            visitor.open(path)
        loaded = visitor.page.evaluate(
            "document.fonts.ready.then(fonts => [...fonts].filter(f => f.status == 'loaded').length)"
        )
        pages = [answer for answer in answers if answer.request.is_navigation_request()]
        policies = [answer.headers["content-security-policy"] for answer in pages]
    assert loaded > 0
    assert {answer.url.split("/")[2] for answer in answers} == {mesh.site.removeprefix("https://")}
    assert len(policies) == len(screen_paths())
    directives = dict(part.strip().partition(" ")[::2] for part in policies[0].split(";"))
    assert {directives.pop(name) for name in ONLY_SELF} <= {"'self'", "'none'"}
    assert "unsafe" not in policies[0]
    assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"


def test_the_share_of_cache_hits_is_drawn_by_day_and_told_as_a_table(visit: Visit) -> None:
    with visit() as visitor:
        visitor.log_in("expert", "/statistics")
        visitor.open("/statistics")
        chart = visitor.page.get_by_role("figure").filter(has_text="Cache hits by day")
        expect(chart.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"search terms last \d"))
        chart.get_by_text("As a table").click()
        expect(chart.get_by_role("row").last).to_contain_text(re.compile(r"^20\d\d-\d\d-\d\d.*%"))


def test_a_long_name_is_not_cut(visit: Visit) -> None:
    with visit(viewport={"width": 360, "height": 800}) as visitor:
        visitor.log_in("viewer")
        name = visitor.page.locator("details.menu > summary")
        name.evaluate("one => { one.textContent = 'Gārgī Vācaknavī of the house of Garga' }")
        assert name.evaluate("one => one.scrollWidth <= one.clientWidth")
        assert visitor.overflow_px() <= 0


def test_a_session_that_has_ended_is_told_and_what_was_typed_stays(visit: Visit) -> None:
    with visit() as visitor:
        visitor.log_in("admin", "/administration")
        field = visitor.page.get_by_label("E-mail address, as the provider knows it")
        field.fill("gargi@example.org")
        visitor.page.context.clear_cookies()
        visitor.press("Enter")
        expect(visitor.page.get_by_role("alert").first).to_contain_text("Your session has ended")
        expect(field).to_have_value("gargi@example.org")


def test_an_administrator_gives_a_role_and_takes_it(visit: Visit) -> None:
    with visit() as visitor:
        visitor.log_in("admin", "/administration")
        switch = visitor.page.get_by_role("group", name="Roles of viewer@example.org").get_by_label("processor")
        expect(switch).not_to_be_checked()
        switch.click()
        expect(visitor.page.get_by_role("status")).to_contain_text("viewer@example.org: processor given")
        visitor.page.reload()
        expect(switch).to_be_checked()
        switch.click()
        expect(visitor.page.get_by_role("status")).to_contain_text("viewer@example.org: processor taken")


def test_all_scripts_together_keep_within_the_budget(chromium_path: str) -> None:
    sizes = {path.name: path.stat().st_size for path in (DASHBOARD / "assets").glob("*.js.gz")}
    assert sum(sizes.values()) <= BUDGET_BYTES, sizes


def test_a_call_is_one_trace_from_the_browser_to_the_database(visit: Visit, mesh: Mesh) -> None:
    with visit() as visitor:
        visitor.log_in("expert", "/queue")
        visitor.open("/queue")
        ends_at = time.monotonic() + 90
        while not (listed := [span for _, span in mesh.collector.spans if is_listing(span)]):
            assert time.monotonic() < ends_at, "no span of the dashboard"
            visitor.page.wait_for_timeout(200)
        spans = mesh.collector.of(listed[0].trace_id.hex())
        while not {"dashboard", "gateway", "review"} <= {service for service, _ in spans} or orphans(spans):
            assert time.monotonic() < ends_at, sorted((service, span.name) for service, span in spans)
            visitor.page.wait_for_timeout(200)
            spans = mesh.collector.of(listed[0].trace_id.hex())
    inner = [span for service, span in spans if service != "dashboard"]
    assert all(listed[0].start_time_unix_nano < span.end_time_unix_nano for span in inner)
    assert "postgresql" in str(inner)


def is_listing(span: Any) -> bool:
    return span.name == "shodhana.api.review.v1.ReviewService/ListCases" and not span.parent_span_id


def orphans(spans: list[tuple[str, Any]]) -> list[str]:
    ids = {span.span_id for _, span in spans} | {b""}
    return [span.name for _, span in spans if span.parent_span_id not in ids]
