"""Calls the project's functions for the engine: synchronous ones in the executor, asynchronous ones on the loop.

Both kinds have the time limit, both are bounded in number, both answer through a callback on the loop, exactly once.
The user they are given is fresh: an open connection may be hours older than the user's permissions (see
vola.django.users).
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from vola.django.errors import ExecutorOverloaded, ExecutorTimeout
from vola.django.executor import DjangoExecutor, Outcome
from vola.django.users import UserGone, fresh_user, recent_user
from vola.errors import ERROR_INTERNAL, ERROR_PERMISSION_DENIED, ERROR_TOO_MANY_REQUESTS, ErrorReply

__all__ = ["Caller", "is_async", "refusal_for"]

logger = logging.getLogger("vola.django")

# Coroutines reach the database through asgiref's thread, which no request ever ends; its connections are looked at this
# often.
_CONNECTION_CARE_INTERVAL_S: Final = 15.0
_OVERLOAD_LOG_INTERVAL_S: Final = 1.0


class Caller:
    """Runs functions for the directories. All methods are called on the loop's thread.

    Args:
        loop: where coroutines run and answers are delivered.
        executor: where everything else runs.
        tasks_max: coroutines that may run at once.
        timeout_s: limit of one coroutine.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, executor: DjangoExecutor, tasks_max: int, timeout_s: float
    ) -> None:
        self._loop = loop
        self._executor = executor
        self._tasks: set[asyncio.Task[None]] = set()
        self._tasks_max = tasks_max
        self._timeout_s = timeout_s
        self._cared_at_s = loop.time()
        self._care: asyncio.Task[None] | None = None

    def call(self, function: Callable[..., Any], *args: Any, subject: object, done: Callable[[Outcome], None]) -> None:
        """Call `function(user, *args)` where `user` is the subject, fresh; `done` gets (result, exception)."""
        if not is_async(function):
            self._executor.submit(lambda: function(fresh_user(subject), *args), done=done)
            return
        known, user = recent_user(subject)
        if known:
            self._start(function, (user, *args), done)
        else:
            self._executor.submit(
                lambda: fresh_user(subject), done=lambda outcome: self._refreshed(outcome, function, args, done)
            )

    def stop(self) -> None:
        """Cancel the coroutines that run; nobody waits for their answers any more."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._care is not None:
            self._care.cancel()

    def _refreshed(
        self, outcome: Outcome, function: Callable[..., Any], args: tuple[Any, ...], done: Callable[[Outcome], None]
    ) -> None:
        user, error = outcome
        if error is not None:
            done((None, error))
        else:
            self._start(function, (user, *args), done)

    def _start(self, function: Callable[..., Any], args: tuple[Any, ...], done: Callable[[Outcome], None]) -> None:
        if len(self._tasks) >= self._tasks_max:
            done((None, ExecutorOverloaded()))
            return
        task = self._loop.create_task(self._run(function, args, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, function: Callable[..., Any], args: tuple[Any, ...], done: Callable[[Outcome], None]) -> None:
        outcome: Outcome
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                outcome = (await function(*args), None)
        except Exception as error:  # noqa: BLE001  it is handed to the caller, not swallowed
            outcome = (None, ExecutorTimeout() if limit.expired() else error)
        done(outcome)
        self._care_for_connections()

    def _care_for_connections(self) -> None:
        now_s = self._loop.time()
        if now_s - self._cared_at_s >= _CONNECTION_CARE_INTERVAL_S and (self._care is None or self._care.done()):
            self._cared_at_s = now_s
            self._care = self._loop.create_task(sync_to_async(close_old_connections)())


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it answers a coroutine."""
    return inspect.iscoroutinefunction(function)


class _OverloadLog:
    """Says that calls were refused, once a second: an overload must not flood the log as well."""

    def __init__(self) -> None:
        self._said_at_s = float("-inf")
        self._unsaid_count = 0

    def note(self, doing: str) -> None:
        self._unsaid_count += 1
        now_s = time.monotonic()
        if now_s - self._said_at_s >= _OVERLOAD_LOG_INTERVAL_S:
            logger.warning("Too many calls wait for the executor; refused %d, now %s.", self._unsaid_count, doing)
            self._said_at_s, self._unsaid_count = now_s, 0


_overload_log: Final = _OverloadLog()


def refusal_for(error: BaseException, *, doing: str) -> ErrorReply:
    """The reply for a failed call. What went wrong is logged here and never told to the client."""
    if isinstance(error, ExecutorOverloaded):
        _overload_log.note(doing)
        return ERROR_TOO_MANY_REQUESTS
    if isinstance(error, UserGone):
        return ERROR_PERMISSION_DENIED
    if isinstance(error, ExecutorTimeout):
        logger.error("Ran past its time limit: %s.", doing)
    else:
        logger.error("Failed: %s.", doing, exc_info=error)
    return ERROR_INTERNAL
