"""What runs in this process: the node, its executor and the way to it from other threads.

One process runs at most one node. `set_running` is called by the composition (vola.django.runtime) and by nobody else.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vola.django.errors import NodeNotRunning

if TYPE_CHECKING:  # A process that only publishes or migrates need not load the server.
    from vola.core.node import Node
    from vola.django.executor import DjangoExecutor

__all__ = ["Publish", "Running", "current", "current_or_none", "set_running"]

# (channel, encoded JSON, key) -> None; from any thread, never blocks.
Publish = Callable[[str, bytes, str], None]


@dataclass(frozen=True)
class Running:
    """The node of this process and what the Django door needs around it."""

    node: Node
    executor: DjangoExecutor
    publish: Publish
    loop: asyncio.AbstractEventLoop


_lock = threading.Lock()
_running: Running | None = None


def set_running(running: Running | None) -> None:
    """Say what runs now, or None that nothing does any more."""
    global _running  # noqa: PLW0603  one node a process is the design
    with _lock:
        _running = running


def current_or_none() -> Running | None:
    """What runs in this process, or None."""
    return _running


def current() -> Running:
    """What runs in this process.

    Raises:
        NodeNotRunning: no node runs here.
    """
    if _running is None:
        raise NodeNotRunning
    return _running
