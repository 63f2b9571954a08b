"""An expert reviews by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from tests.browser import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import Mesh
    from tests.browser.visitor import Visitor

    Visit = Callable[..., AbstractContextManager[Visitor]]


PAGE = 25
"""Cases that the queue shows at first."""


def case_of(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("article", name="Case:")


def decided(visitor: Visitor, *keys: str) -> str:
    """Presses keys that decide the case on the desk; what was heard there. Returns when the next one is there."""
    place = case_of(visitor).locator(".where").inner_text()
    heard = case_of(visitor).get_attribute("aria-label") or ""
    visitor.press(*keys)
    expect(case_of(visitor).locator(".where")).not_to_have_text(place)
    return heard.removeprefix("Case: ")


def decided_count(visitor: Visitor) -> int:
    """How many cases of the first page of the queue the visitor has decided."""
    visitor.open("/queue?whose=decided")
    expect(
        visitor.page.get_by_text("No case is like this").or_(visitor.page.locator("ul.cases > li").first)
    ).to_be_visible()
    return visitor.page.locator("ul.cases > li").count()


def test_an_expert_decides_ten_cases_by_keyboard_and_takes_one_back(visit: Visit) -> None:
    with visit() as visitor:
        visitor.log_in("expert")
        page = visitor.page
        before = decided_count(visitor)
        visitor.open("/review")
        expect(case_of(visitor)).to_be_visible()
        expect(page.get_by_role("complementary").get_by_role("heading", name="Next")).to_be_visible()
        today = page.locator("dl.facts div").filter(has_text="yours today").locator("dd")
        expect(today).to_have_text(re.compile(r"\d+"))
        earlier = int(today.inner_text())
        heard = [decided(visitor, "a") for _ in range(6)]
        heard += [decided(visitor, "2", "a"), decided(visitor, "x")]
        visitor.press("c")
        field = page.get_by_label("Another text")
        expect(field).to_be_focused()
        heard.append(decided(visitor, "Control+a", *"aatma.saakti", "Enter"))
        heard.append(decided(visitor, "a"))
        done = page.get_by_role("complementary").locator(".done")
        expect(done.filter(has=page.get_by_text("ātmaṣākti"))).to_have_count(1)
        expect(done.get_by_role("button", name=re.compile("Undo"))).to_have_count(8)  # as many as are shown
        expect(today).to_have_text(str(earlier + 10))
        visitor.press("u")
        expect(case_of(visitor)).to_have_attribute("aria-label", f"Case: {heard[-1]}")
        assert decided_count(visitor) == min(before + 9, PAGE)
        visitor.open("/statistics")
        expect(page.get_by_role("row").filter(has_text="(you)")).to_contain_text("expert")


def test_letters_are_made_as_they_are_typed_and_keys_rest_meanwhile(visit: Visit) -> None:
    with visit() as visitor:
        visitor.log_in("second")
        expect(case_of(visitor)).to_be_visible()
        name = case_of(visitor).get_attribute("aria-label")
        visitor.press("c", "Control+a", *"k.r.s.nax")
        field = visitor.page.get_by_label("Another text")
        expect(field).to_have_value("kṛṣṇax")
        visitor.press("Backspace", *'"')
        visitor.press("s")
        expect(field).to_have_value("kṛṣṇaś")
        visitor.press("Backspace")
        expect(field).to_have_value('kṛṣṇa"s')
        visitor.press("Backspace", "Backspace")
        expect(visitor.page.locator(".iast output")).to_have_text("कृष्ण")
        expect(case_of(visitor).locator("mark ins")).to_be_visible()
        expect(case_of(visitor)).to_have_attribute("aria-label", str(name))
        visitor.press("Escape", "?")
        expect(visitor.page.get_by_role("dialog", name="Keys")).to_contain_text("escalate")
        visitor.press("Escape")
        visitor.page.reload()
        expect(field).to_have_value("kṛṣṇa")
        expect(case_of(visitor)).to_have_attribute("aria-label", str(name))


def test_colleagues_are_called_by_their_names(visit: Visit) -> None:
    with visit() as visitor:
        visitor.log_in("second", "/queue")
        visitor.page.locator("ul.cases > li").first.get_by_role("link").first.click()
        visitor.page.get_by_label("Add a remark").fill("Is it not rather a name?")
        visitor.page.get_by_role("button", name="Add", exact=True).click()
        remark = visitor.page.get_by_role("listitem").filter(has_text="Is it not rather a name?")
        expect(remark).to_contain_text("The second (you)")
        place = visitor.page.url.partition("/app")[2]
    with visit() as visitor:
        visitor.log_in("expert", place)
        remark = visitor.page.get_by_role("listitem").filter(has_text="Is it not rather a name?")
        expect(remark).to_contain_text("The second")


def test_what_is_sent_after_the_lease_is_kept_as_a_draft_and_taken_up_again(visit: Visit, mesh: Mesh) -> None:
    with visit() as visitor:
        visitor.log_in("second", "/review")
        expect(case_of(visitor)).to_be_visible()
        heard = (case_of(visitor).get_attribute("aria-label") or "").removeprefix("Case: ")
        visitor.press("c", "Control+a", *"brahman")
        mesh.end_leases()
        visitor.press("Enter")
        expect(visitor.page.get_by_text("What you sent is kept as a draft")).to_be_visible()
        draft = visitor.page.get_by_role("listitem").filter(has_text=f"{heard} → brahman")
        draft.first.get_by_role("button", name="Take up again").click()
        expect(case_of(visitor)).to_have_attribute("aria-label", f"Case: {heard}")
        expect(visitor.page.get_by_label("Another text")).to_have_value("brahman")
        expect(draft).to_have_count(0)


def test_an_escalated_case_is_for_those_who_ask_and_a_skipped_one_comes_last(visit: Visit) -> None:
    with visit() as visitor:
        visitor.log_in("second")
        expect(case_of(visitor)).to_be_visible()
        escalated, skipped = decided(visitor, "e"), decided(visitor, "s")
        done = visitor.page.get_by_role("complementary").locator(".done")
        expect(done.filter(has_text=escalated)).to_contain_text("escalated")
        expect(done.filter(has_text=skipped)).to_contain_text("skipped")
        visitor.open("/queue?state=6")
        expect(visitor.page.locator("ul.cases > li").filter(has_text=escalated).first).to_be_visible()


def test_a_viewer_is_offered_nothing_to_decide(visit: Visit) -> None:
    with visit() as visitor:
        visitor.log_in("viewer")
        expect(visitor.page.get_by_role("link", name="Review", exact=True)).to_have_count(0)
        for path in ("/review", "/queue", "/administration"):
            visitor.open(path)
            expect(visitor.page.get_by_role("main")).to_contain_text("Your roles do not include this")
            expect(visitor.page.get_by_role("main").get_by_role("button")).to_have_count(0)
