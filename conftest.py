"""Every test run gets a real PostgreSQL and a real Valkey: the given ones, or embedded ones started once for the run.

This runs before Django's settings are read; that is why `DJANGO_SETTINGS_MODULE` is set here and not in pyproject.toml.
"""

import os

import django
import pytest

from project.services.test_run import TestRunServices

_services = TestRunServices()
_services.start()
os.environ.update(_services.environment)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """End what this run started."""
    _services.stop()
