"""Fixtures of the browser tests: the site, once a run, and a browser for each module.

The browser lives no longer than a module, because Playwright's synchronous interface keeps an event loop running in
this thread, which asynchronous tests of other modules would trip over.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.site import Site, running_site
from tests.running import ROOT
from tools.chromium import ARGUMENTS, find_chromium

SCREENSHOTS = ROOT / ".run" / "screenshots"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The running site."""
    with running_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    executable = find_chromium()
    assert executable is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where pictures go; ``VOLA_PICTURES=1`` also renews the ones of the documentation."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS


@pytest.fixture(scope="session")
def documentation_pictures() -> Path | None:
    """The documentation's pictures, when they are to be renewed."""
    return ROOT / "docs" / "images" if os.environ.get("VOLA_PICTURES") == "1" else None
