"""A newcomer logs in at the development log-in: two clicks, and they are an expert, an administrator or a viewer."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx
import pytest

from tests.oidc.browser import Browser

if TYPE_CHECKING:
    from conftest import Mesh


@pytest.fixture
async def browser(mesh: Mesh) -> AsyncIterator[Browser]:
    context = ssl.create_default_context(cafile=str(mesh.profile.ca_certificate))
    url = mesh.profile.rest_url
    async with httpx.AsyncClient(base_url=url, verify=context, timeout=30) as client:
        yield Browser(url, client)


async def click(browser: Browser, person: str) -> httpx.Response:
    """The address that `up` tells, and a button."""
    url = await browser.to_provider("/review")
    page = await browser.get(url)
    assert "for development on this machine alone" in page.text
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}
    answer = await browser.post(urljoin(url, "/authorize"), data={**fields, "person": person})
    return await browser.get(answer.headers["location"])


@pytest.mark.parametrize(
    ("person", "role", "may", "may_not"),
    [
        ("expert", "expert_linguist", "/v1/reviewCases", "/v1/users"),
        ("admin", "admin", "/v1/users", "/v1/nothing"),
        ("viewer", "viewer", "/v1/qualityReports", "/v1/reviewCases"),
    ],
)
async def test_two_clicks_make_a_person_with_a_role(
    browser: Browser, person: str, role: str, may: str, may_not: str
) -> None:
    answer = await click(browser, person)
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")
    assert (await browser.session())["roles"] == [role]
    assert (await browser.get(may)).status_code == 200
    assert (await browser.get(may_not)).status_code in (403, 404)


async def test_the_address_to_log_in_at_is_told_and_marked(mesh: Mesh) -> None:
    assert mesh.state["addresses"]["development login"] == f"{mesh.profile.rest_url}/auth/login"
