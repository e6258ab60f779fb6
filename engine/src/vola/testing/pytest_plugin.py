"""The pytest plugin: fixtures for projects that use Vola. Installed with the package as the entry point "vola".

Nothing here imports Django before a fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from vola.core.manual_clock import ManualClock
    from vola.testing.published import Capture
    from vola.testing.server import ServerProcess

__all__ = ["manual_clock", "published", "vola_server"]


@pytest.fixture
def published() -> Iterator[Capture]:
    """What the test's code publishes; no node is needed."""
    from vola.testing.published import capture_published  # noqa: PLC0415  imports Django

    with capture_published() as capture:
        yield capture


@pytest.fixture
def manual_clock() -> ManualClock:
    """A clock and scheduler that only move when told to."""
    from vola.core.manual_clock import ManualClock  # noqa: PLC0415  beside the other fixtures' late imports

    return ManualClock()


@pytest.fixture
def vola_server() -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers, as vola.testing.run_server() with its arguments; all are stopped after the test."""
    from vola.testing.server import run_server  # noqa: PLC0415  beside the other fixtures' late imports

    with ExitStack() as stack:

        def start(**arguments: Any) -> ServerProcess:
            return stack.enter_context(run_server(**arguments))

        yield start
