"""Keeping the registry like the database: at start, on every ``dispatch_fleet`` notification, and every minute.

The notification is the fast way, the minute the sure one: what a lost connection missed is read then.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import psycopg

from dispatch.fleet.selectors import device_rows, fleet_rows
from dispatch.fleet.services import NOTIFY_CHANNEL
from dispatch.ingest.registry import Registry, RegistryChanges
from dispatch.ingest.storage import Storage, connect_async

__all__ = ["RegistryReloader"]

logger = logging.getLogger(__name__)

_RETRY_S: Final = 1.0
_GATHER_S: Final = 0.02
"""Notifications that come together, as those of one bulk change do, are answered by one read."""
_DEVICES_AT_ONCE: Final = 1_000
"""Entries changed in one turn of the loop: about two milliseconds."""


class RegistryReloader:
    """Reads with ``storage``, applies to ``registry``.

    Args:
        registry: changed here and nowhere else.
        storage: a connection that does not hold up commits.
        interval_s: between full reads.
    """

    def __init__(self, registry: Registry, *, storage: Storage, interval_s: float) -> None:
        self._registry = registry
        self._storage = storage
        self._interval_s = interval_s
        self._changed_fleets: set[int] = set()
        self._is_all_due = False
        self._is_due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def load(self) -> None:
        """Read everything now.

        Raises:
            psycopg.Error, TimeoutError: the database is away.
        """
        await self._reload(None)

    def start(self) -> None:
        """Follow the changes from now on."""
        self._tasks = [
            asyncio.create_task(self._listen(), name="dispatch listen"),
            asyncio.create_task(self._run(), name="dispatch reload"),
        ]

    async def stop(self) -> None:
        """Follow no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reload(self, fleet_ids: Sequence[int] | None) -> None:
        def read(connection: psycopg.Connection[Any]) -> RegistryChanges:
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                fleets = fleet_rows(connection)
                devices = device_rows(connection, fleet_ids=fleet_ids)
            return self._registry.changes_from(fleets, devices, fleet_ids=fleet_ids)

        changes = await self._storage.run(read)
        for step in changes.in_steps(_DEVICES_AT_ONCE):
            self._registry.apply(step)
            await asyncio.sleep(0)

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._interval_s):
                    await self._is_due.wait()
                await asyncio.sleep(_GATHER_S)
            except TimeoutError:
                self._is_all_due = True
            self._is_due.clear()
            fleet_ids = None if self._is_all_due else sorted(self._changed_fleets)
            self._is_all_due = False
            self._changed_fleets = set()
            try:
                await self._reload(fleet_ids)
            except (psycopg.Error, TimeoutError, OSError) as problem:
                logger.warning("The devices could not be read again: %s", problem)
                await asyncio.sleep(_RETRY_S)
                self._note(None)

    async def _listen(self) -> None:
        while True:
            try:
                async with await connect_async() as connection:
                    await connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
                    self._note(None)  # whatever changed before this connection listened
                    async for notification in connection.notifies():
                        self._note(notification.payload)
            except (psycopg.Error, OSError) as problem:
                logger.warning("Changes of fleets are not heard at the moment: %s", problem)
            await asyncio.sleep(_RETRY_S)

    def _note(self, payload: str | None) -> None:
        """A fleet changed (its key as text), or (None, or text of somebody else's) anything may have."""
        if payload is not None and payload.isascii() and payload.isdigit():
            self._changed_fleets.add(int(payload))
        else:
            self._is_all_due = True
        self._is_due.set()
