"""A timing wheel: one timer for any number of connections.

Every session waits in at most one slot, that of its next deadline. Slots are a coarse multiple of the tick; a session
that is looked at early or late by a tick does not matter for delays of seconds. An idle node runs no timer.
"""

from collections.abc import Callable
from math import ceil
from typing import Protocol

from vola.core.ports import Clock, Scheduler

__all__ = ["Waiter", "Wheel"]


class Waiter(Protocol):
    """Something with deadlines. The wheel owns `wheel_slot`: the number of the slot it waits in, 0 for none."""

    wheel_slot: int

    def check_deadlines(self, now_s: float) -> float | None:
        """Act on what is due. Returns the next deadline, None for none."""
        ...


class Wheel:
    """Calls waiters when their deadline has come.

    Args:
        tick_s: the granularity.
        on_tick: called at each tick while anybody waits, with the time.
    """

    def __init__(
        self, *, clock: Clock, scheduler: Scheduler, tick_s: float, on_tick: Callable[[float], None] | None = None
    ) -> None:
        self._clock = clock
        self._scheduler = scheduler
        self._tick_s = tick_s
        self._on_tick = on_tick
        self._slots: dict[int, dict[Waiter, None]] = {}
        self._current = 0
        self._running = False

    def place(self, waiter: Waiter, deadline_s: float) -> None:
        """Let `waiter` be checked at `deadline_s`, instead of when it waited for before."""
        if not self._running:
            self._start()
        slot = max(ceil(deadline_s / self._tick_s), self._current + 1)
        if slot != waiter.wheel_slot:
            self.remove(waiter)
            waiter.wheel_slot = slot
            self._slots.setdefault(slot, {})[waiter] = None

    def place_earlier(self, waiter: Waiter, deadline_s: float) -> None:
        """As `place`, unless the waiter is checked before that anyway."""
        if waiter.wheel_slot == 0 or deadline_s <= (waiter.wheel_slot - 1) * self._tick_s:
            self.place(waiter, deadline_s)

    def remove(self, waiter: Waiter) -> None:
        """Check `waiter` no more. Harmless if it does not wait."""
        slot = self._slots.get(waiter.wheel_slot)
        if slot is not None:
            slot.pop(waiter, None)
            if not slot:
                del self._slots[waiter.wheel_slot]
        waiter.wheel_slot = 0

    def _start(self) -> None:
        self._running = True
        self._current = int(self._clock.monotonic_s() / self._tick_s)
        self._scheduler.call_later(self._tick_s, self._tick)

    def _tick(self) -> None:
        now_s = self._clock.monotonic_s()
        last = int(now_s / self._tick_s)
        try:
            while self._current < last:
                self._current += 1
                self._check_slot(now_s)
            if self._on_tick is not None:
                self._on_tick(now_s)
        finally:
            self._running = bool(self._slots)
            if self._running:
                self._scheduler.call_later(self._tick_s, self._tick)

    def _check_slot(self, now_s: float) -> None:
        for waiter in self._slots.pop(self._current, ()):
            if waiter.wheel_slot != self._current:
                continue  # taken out or moved by a check before its own
            waiter.wheel_slot = 0
            deadline_s = waiter.check_deadlines(now_s)
            if deadline_s is not None:
                self.place(waiter, deadline_s)
