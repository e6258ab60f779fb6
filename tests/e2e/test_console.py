"""The dispatcher's console on a living fleet: vehicles move, one is followed, a server restart is survived."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.site import Site
from tests.e2e.watching import PageWatch, accessibility_violations, wait_until

pytestmark = [pytest.mark.browser]

MOVED_PX = 2.0


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(color_scheme="light", viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def open_console(page: Page, site: Site) -> None:
    """Sign in as the dispatcher by the start page and wait until vehicles are on the map."""
    page.goto(site.url)
    page.get_by_role("button", name="Open the console").click()
    expect(page).to_have_url(site.url + "/console/")
    wait_until(page, "window.__vola?.connection === 'live' && window.__vola.vehiclesDrawn > 200")


def wait_until_vehicles_move(page: Page) -> None:
    """Wait until some of the moving vehicles are drawn elsewhere than a moment ago."""
    ids: list[int] = page.evaluate(
        """async () => {
          const url = `/api/dispatch/fleets/${window.__vola.fleetId}/vehicles?status=moving&limit=50`;
          return (await (await fetch(url)).json()).items.map((item) => item.id);
        }"""
    )
    assert ids, "the fleet has moving vehicles"
    page.evaluate("(ids) => { window.__before = ids.map((id) => [id, window.__vola.screenPlace(id)]); }", ids)
    wait_until(
        page,
        """(moved_px) => window.__before.filter(([id, before]) => {
          const now = window.__vola.screenPlace(id);
          return before && now && Math.hypot(now[0] - before[0], now[1] - before[1]) > moved_px;
        }).length >= 3""",
        argument=MOVED_PX,
    )


def test_a_dispatcher_signs_in_and_sees_the_fleet_move(site: Site, page: Page) -> None:
    watch = PageWatch(page, origin=site.url)
    open_console(page, site)
    wait_until_vehicles_move(page)
    expect(page.get_by_role("group", name="Filter by status")).to_contain_text("300")
    port: dict[str, Any] = page.evaluate("({bytes: window.__vola.bytesReceived, first: window.__vola.firstMapMs})")
    assert port["bytes"] > 0
    assert port["first"] is not None
    assert watch.problems() == []


def test_a_followed_vehicle_stays_in_the_middle(site: Site, page: Page) -> None:
    watch = PageWatch(page, origin=site.url)
    open_console(page, site)
    page.get_by_role("button", name="Moving").click()
    page.get_by_role("option").first.click()
    page.get_by_role("button", name="Follow").click()
    wait_until(page, "window.__vola.followedId !== null")
    centre_before = page.evaluate("window.__vola.center")
    wait_until(
        page,
        "([lon, lat]) => window.__vola.center[0] !== lon || window.__vola.center[1] !== lat",
        argument=centre_before,
    )
    place = page.evaluate("window.__vola.screenPlace(window.__vola.followedId)")
    assert place is not None
    assert watch.problems() == []


def test_a_restart_of_the_server_is_told_and_survived(site: Site, page: Page) -> None:
    open_console(page, site)
    site.kill()
    wait_until(page, "window.__vola.connection === 'reconnecting'")
    expect(page.locator(".connection")).to_contain_text("Reconnecting, last seen")
    site.start()
    wait_until(page, "window.__vola.connection === 'live'")
    wait_until(page, "window.__vola.vehiclesDrawn > 200")
    wait_until_vehicles_move(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (2560, 1440)])
def test_the_console_is_clean_accessible_and_pictured(
    site: Site,
    browser: Browser,
    screenshots: Path,
    documentation_pictures: Path | None,
    scheme: Any,
    width: int,
    height: int,
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    page = context.new_page()
    watch = PageWatch(page, origin=site.url)
    open_console(page, site)
    page.wait_for_load_state("networkidle")
    page.get_by_role("option").filter(has_text="km/h").first.click()
    page.wait_for_timeout(1_500)
    picture = screenshots / f"console-{scheme}-{width}.png"
    page.screenshot(path=picture)
    assert accessibility_violations(page) == []
    assert watch.problems() == []
    context.close()
    if documentation_pictures is not None and (scheme, width) == ("light", 1280):
        documentation_pictures.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, documentation_pictures / "console.png")
