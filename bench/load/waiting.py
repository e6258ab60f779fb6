"""Waiting for what only shows in counters."""

import asyncio
import time
from collections.abc import Callable

__all__ = ["wait_until"]

POLL_S = 0.05


async def wait_until(condition: Callable[[], bool], *, timeout_s: float) -> bool:
    """Wait until the condition holds; whether it does within ``timeout_s``."""
    give_up_s = time.perf_counter() + timeout_s
    while not condition():
        if time.perf_counter() > give_up_s:
            return False
        await asyncio.sleep(POLL_S)
    return True
