"""Running the devices' side on an event loop of its own: stop on SIGINT and SIGTERM, keep what is owed in order."""

import asyncio
import signal
import time
from collections.abc import Coroutine
from typing import Any

import uvloop

__all__ = ["run_until_stopped", "wall_ms"]


def wall_ms() -> int:
    """The wall clock, milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def run_until_stopped(main: Coroutine[Any, Any, None]) -> bool:
    """Run ``main`` to its end or until somebody asks to stop.

    Returns:
        Whether it came to its end.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(main))


async def _run(main: Coroutine[Any, Any, None]) -> bool:
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return False
    return True
