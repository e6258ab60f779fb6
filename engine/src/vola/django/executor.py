"""Runs the project's synchronous functions off the event loop: bounded, with a time limit, database connections kept
clean.

Daemon threads of our own instead of ThreadPoolExecutor, for two reasons: a function that hangs must not keep a stopping
process alive, and a thread must close its database connections when it ends. Left out: cancelling a function that
already runs; Python cannot. Such a function keeps its thread (and its place in the bound) until it returns, its caller
having been answered.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from django.db import close_old_connections, connections

from vola.django.errors import ExecutorOverloaded, ExecutorTimeout

__all__ = ["DjangoExecutor", "Outcome"]

# (result, None) or (None, the exception)
Outcome = tuple[object, BaseException | None]


class _Call:
    """One submitted call; `answered` is written on the loop's thread only."""

    __slots__ = ("answered", "done", "function", "timer")

    def __init__(self, function: Callable[[], object], done: Callable[[Outcome], None]) -> None:
        self.function = function
        self.done = done
        self.answered = False
        self.timer: asyncio.TimerHandle | None = None


class DjangoExecutor:
    """A bounded pool of threads for Django functions. All methods are called on the loop's thread.

    Args:
        loop: where answers are delivered.
        threads: most threads; they are started when needed.
        queue: calls that may wait for a thread.
        timeout_s: limit of one call, waiting included.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, threads: int, queue: int, timeout_s: float) -> None:
        self._loop = loop
        self._threads_max = threads
        self._queue_max = queue
        self._timeout_s = timeout_s
        self._waiting: deque[_Call] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._idle_count = 0
        self._stopping = False

    @property
    def waiting_count(self) -> int:
        """Calls that wait for a thread."""
        return len(self._waiting)

    def submit(self, function: Callable[[], object], *, done: Callable[[Outcome], None]) -> None:
        """Run a function in a thread and hand its outcome to `done` on the loop, exactly once.

        The outcome is (result, None), or (None, exception): the function's own, ExecutorOverloaded at once when the
        queue is full or the executor stopped, ExecutorTimeout when the time limit passed.
        """
        call = _Call(function, done)
        with self._changed:
            if self._stopping or len(self._waiting) >= self._queue_max:
                self._loop.call_soon(done, (None, ExecutorOverloaded()))
                return
            self._waiting.append(call)
            if len(self._waiting) > self._idle_count and len(self._threads) < self._threads_max:
                self._start_thread()
            else:
                self._changed.notify()
        call.timer = self._loop.call_later(self._timeout_s, self._time_out, call)

    def stop(self, *, wait_s: float) -> None:
        """Refuse new calls, drop the waiting ones and give running ones this long to end.

        A function still running after that is left to its daemon thread.
        """
        with self._changed:
            self._stopping = True
            dropped = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for call in dropped:
            self._answer(call, (None, ExecutorOverloaded()))
        for thread in self._threads:
            thread.join(wait_s / max(1, len(self._threads)))

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"vola-django-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        try:
            while (call := self._next_call()) is not None:
                if call.answered:
                    continue
                outcome = _run(call.function)
                try:
                    self._loop.call_soon_threadsafe(self._answer, call, outcome)
                except RuntimeError:
                    return  # The loop is closed: nobody is left to be answered.
        finally:
            connections.close_all()

    def _next_call(self) -> _Call | None:
        with self._changed:
            while not self._waiting:
                if self._stopping:
                    return None
                self._idle_count += 1
                self._changed.wait()
                self._idle_count -= 1
            return self._waiting.popleft()

    # A call that timed out while waiting stays in the queue until a thread skips it: it still counts against the bound,
    # so when every thread hangs, new calls are refused at once instead of timing out one by one.
    def _answer(self, call: _Call, outcome: Outcome) -> None:
        if call.timer is not None:
            call.timer.cancel()
        if not call.answered:
            call.answered = True
            call.done(outcome)

    def _time_out(self, call: _Call) -> None:
        self._answer(call, (None, ExecutorTimeout()))


def _run(function: Callable[[], object]) -> Outcome:
    # As Django does around a request: connections past CONN_MAX_AGE or broken are closed, before and after.
    close_old_connections()
    try:
        return function(), None
    except BaseException as error:  # noqa: BLE001  it is handed to the caller, not swallowed
        return None, error
    finally:
        close_old_connections()
