"""The ingest's own database connection, on a thread of its own.

Everything that reaches the database from the loop goes through :meth:`Storage.run`, with a time limit that also holds
when the server hangs without closing the connection. Not Django's connection: its wrapper belongs to threads that
serve requests.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg
from django.db import connections

__all__ = ["Storage", "connect", "connect_async"]

logger = logging.getLogger(__name__)

_KEEPALIVE: Final = {"connect_timeout": 3, "keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 3}
"""Seconds, and probes: a connection to a machine that is gone is noticed within about half a minute."""


def connect(*, statement_timeout_s: int) -> psycopg.Connection[Any]:
    """A plain autocommit connection to Django's default database.

    Args:
        statement_timeout_s: after which the server gives up on a statement, and on waiting for a lock.
    """
    connection = psycopg.connect(**_parameters())
    milliseconds = str(statement_timeout_s * 1000)
    connection.execute(
        "SELECT set_config('statement_timeout', %(t)s, false), set_config('lock_timeout', %(t)s, false),"
        " set_config('client_min_messages', 'warning', false), set_config('timezone', 'UTC', false)",
        {"t": milliseconds},
    )
    return connection


async def connect_async() -> psycopg.AsyncConnection[Any]:
    """A plain autocommit connection to Django's default database, for the loop."""
    return await psycopg.AsyncConnection.connect(**_parameters())


def _parameters() -> dict[str, Any]:
    """What Django's settings say of the server, without what its wrapper adds for itself."""
    given = connections["default"].get_connection_params()
    own = {"context", "cursor_factory", "prepare_threshold", "options", "client_encoding", "server_side_binding"}
    parameters = {key: value for key, value in given.items() if key not in own and value not in (None, "")}
    return parameters | _KEEPALIVE | {"autocommit": True, "application_name": "vola-ingest"}


class Storage:
    """One connection, made when it is needed and made again after it failed.

    Args:
        timeout_s: how long one piece of work may take.
        name: of the thread.
    """

    def __init__(self, *, timeout_s: int, name: str) -> None:
        self._timeout_s = timeout_s
        self._connection: psycopg.Connection[Any] | None = None
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run[T](self, work: Callable[[psycopg.Connection[Any]], T], *, timeout_s: float | None = None) -> T:
        """Run ``work`` with the connection, after whatever runs before it.

        Raises:
            psycopg.Error: what the work raised, or the connection failed.
            TimeoutError: it took too long; whether it was committed is not known.
        """
        job = asyncio.get_running_loop().run_in_executor(self._executor, self._work, work)
        try:
            async with asyncio.timeout(timeout_s or self._timeout_s):
                return await asyncio.shield(job)
        except TimeoutError:
            job.add_done_callback(_swallow)
            self._hang_up()
            raise

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._close)
        self._executor.shutdown(wait=True)

    def _work[T](self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        if self._connection is None:
            self._connection = connect(statement_timeout_s=self._timeout_s)
        try:
            return work(self._connection)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self._close()
            raise

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _hang_up(self) -> None:
        """End the connection under the thread that waits for it, which thereby comes back with an error."""
        connection = self._connection
        if connection is None or connection.closed:
            return
        try:
            with socket.socket(fileno=os.dup(connection.pgconn.socket)) as peer:
                peer.shutdown(socket.SHUT_RDWR)
        except (OSError, psycopg.Error) as problem:
            logger.info("The database connection was gone before it could be ended: %s", problem)


def _swallow(job: "asyncio.Future[Any]") -> None:
    """Take the error of a piece of work that nobody waits for any more."""
    if not job.cancelled() and (problem := job.exception()) is not None:
        logger.info("Work on the database that took too long ended with: %s", problem)
