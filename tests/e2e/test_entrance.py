"""The start page and the sign-in page: they look right in light and dark, are accessible, and let the right person
in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.site import Site
from tests.e2e.watching import PageWatch, accessibility_violations

pytestmark = [pytest.mark.browser]

Scheme = Literal["light", "dark"]


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    chosen: Scheme = request.param
    return chosen


@pytest.fixture
def page(browser: Browser, scheme: Scheme) -> Iterator[Page]:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(("name", "path"), [("start", "/"), ("sign-in", "/sign-in/"), ("not-found", "/no-such-page/")])
def test_an_open_page_is_clean_and_accessible(
    site: Site, page: Page, screenshots: Path, scheme: Scheme, name: str, path: str
) -> None:
    watch = PageWatch(page, origin=site.url)
    page.goto(site.url + path)
    page.screenshot(path=screenshots / f"{name}-{scheme}-1280.png")
    assert accessibility_violations(page) == []
    expected = 1 if name == "not-found" else 0
    assert len([problem for problem in watch.problems() if "404" not in problem]) == 0
    assert sum("404" in problem for problem in watch.problems()) <= expected


def test_a_wrong_password_is_told_in_words_and_the_name_is_kept(
    site: Site, page: Page, screenshots: Path, scheme: Scheme
) -> None:
    watch = PageWatch(page, origin=site.url)
    page.goto(site.url + "/sign-in/")
    page.get_by_label("Name").fill("dispatcher")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("dispatcher")
    page.screenshot(path=screenshots / f"sign-in-refused-{scheme}-1280.png")
    assert accessibility_violations(page) == []
    assert watch.problems() == []


def test_nobody_reaches_the_console_without_signing_in(site: Site, page: Page) -> None:
    page.goto(site.url + "/console/")
    expect(page).to_have_url(f"{site.url}/sign-in/?next=/console/")


def test_one_click_signs_in_and_out_again(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.get_by_role("button", name="Open as fleet manager").click()
    expect(page).to_have_url(site.url + "/admin/")
    page.goto(site.url)
    page.get_by_role("button", name="Sign out").click()
    page.goto(site.url + "/admin/")
    expect(page).to_have_url(f"{site.url}/sign-in/?next=/admin/")
