"""Every test run gets a real PostgreSQL and a real Valkey: the given ones, or embedded ones started once for the run.

This runs before Django's settings are read; that is why `DJANGO_SETTINGS_MODULE` is set here and not in pyproject.toml.
Browser tests are deselected where there is no Chromium, and the summary says so.
"""

import os

import django
import pytest

from project.services.test_run import TestRunServices
from project.up.npm import find_node
from tools.chromium import find_chromium

_services = TestRunServices()
_services.start()
os.environ.update(_services.environment)
os.environ["PATH"] = find_node().path  # the JavaScript clients of the contract tests, on machines without Node too
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

browser_test_count = pytest.StashKey[int]()
"""How many browser tests the run left out for want of a Chromium."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the browser tests where they cannot run."""
    if find_chromium() is not None:
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    config.stash[browser_test_count] = len(left_out)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in one plain line what was not run."""
    count = config.stash.get(browser_test_count, 0)
    if count:
        word = "test" if count == 1 else "tests"
        terminalreporter.write_line(
            f"browser tests: {count} {word} not run, no Chromium found (VOLA_CHROMIUM names one)"
        )


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """End what this run started."""
    _services.stop()
