"""What projects test with: a real server, captured publications, a clock set by hand.

Names load on first use, so that importing this package (pytest does, for the plugin) does not import Django.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vola.core.manual_clock import ManualClock
    from vola.testing.in_thread import ThreadServer, run_in_thread
    from vola.testing.published import Capture, Captured, capture_published
    from vola.testing.server import ServerProcess, run_server

__all__ = [
    "Capture",
    "Captured",
    "ManualClock",
    "ServerProcess",
    "ThreadServer",
    "capture_published",
    "run_in_thread",
    "run_server",
]

_MODULES = {
    "Capture": "vola.testing.published",
    "Captured": "vola.testing.published",
    "ManualClock": "vola.core.manual_clock",
    "ServerProcess": "vola.testing.server",
    "ThreadServer": "vola.testing.in_thread",
    "capture_published": "vola.testing.published",
    "run_in_thread": "vola.testing.in_thread",
    "run_server": "vola.testing.server",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
