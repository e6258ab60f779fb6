"""A clock that stands still until it is told to move: for tests and simulations."""

import heapq
from collections import deque
from collections.abc import Callable

__all__ = ["ManualClock"]


class _Timer:
    __slots__ = ("callback", "due_s", "order")

    def __init__(self, due_s: float, order: int, callback: Callable[[], None]) -> None:
        self.due_s = due_s
        self.order = order
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Forget the callback."""
        self.callback = None

    def __lt__(self, other: "_Timer") -> bool:
        return (self.due_s, self.order) < (other.due_s, other.order)


class ManualClock:
    """Implements the ports Clock and Scheduler without any real time.

    Args:
        wall_start_ms: wall time at the start, milliseconds since 1970.
    """

    def __init__(self, *, wall_start_ms: int = 1_750_000_000_000) -> None:
        self._now_s = 0.0
        self._wall_start_ms = wall_start_ms
        self._order = 0
        self._soon: deque[Callable[[], None]] = deque()
        self._timers: list[_Timer] = []

    def monotonic_s(self) -> float:
        """Seconds since the start."""
        return self._now_s

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._wall_start_ms + round(self._now_s * 1000)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run by the next `settle` or `advance`."""
        self._soon.append(callback)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> _Timer:
        """Run when the clock has been advanced so far."""
        self._order += 1
        timer = _Timer(self._now_s + delay_s, self._order, callback)
        heapq.heappush(self._timers, timer)
        return timer

    @property
    def timer_count(self) -> int:
        """Timers that wait."""
        return sum(timer.callback is not None for timer in self._timers)

    def settle(self) -> None:
        """Run everything that is due now, and what that schedules for now."""
        while self._soon:
            self._soon.popleft()()

    def advance(self, delta_s: float) -> None:
        """Move on, running what falls due on the way in its order and at its time."""
        end_s = self._now_s + delta_s
        self.settle()
        while self._timers and self._timers[0].due_s <= end_s:
            timer = heapq.heappop(self._timers)
            self._now_s = max(self._now_s, timer.due_s)
            if timer.callback is not None:
                timer.callback()
            self.settle()
        self._now_s = end_s
