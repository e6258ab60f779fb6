"""The core's clock, scheduler and ids for a real process."""

import asyncio
import random
import secrets
import string
import time
import uuid
from collections.abc import Callable

__all__ = ["AsyncioScheduler", "RandomIds", "SystemClock"]

_EPOCH_LENGTH = 8


class SystemClock:
    """Implements `ports.Clock`."""

    def monotonic_s(self) -> float:
        """Seconds of the system's monotonic clock."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000


class AsyncioScheduler:
    """Implements `ports.Scheduler` on the loop that runs when it is first used."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Run `callback` once, later."""
        return self._running_loop().call_later(delay_s, callback)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run `callback` in the loop's next turn."""
        self._running_loop().call_soon(callback)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop


class RandomIds:
    """Implements `ports.IdSource`."""

    def client_id(self) -> str:
        """A random UUID."""
        return str(uuid.uuid4())

    def epoch(self) -> str:
        """Eight random letters."""
        return "".join(secrets.choice(string.ascii_letters) for _ in range(_EPOCH_LENGTH))

    def fraction(self) -> float:
        """A number in [0, 1)."""
        return random.random()  # noqa: S311  spreads timers, protects nothing
