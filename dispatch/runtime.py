"""What Dispatch runs inside a node: registry, tracker, pipeline and live map, put together, restored, and stopped in
order.

Named in VOLA["SERVICES"]. Channels, methods and the HTTP ingest find it by :func:`current`.
"""

import asyncio
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import numpy as np
import psycopg
from numpy.typing import NDArray

from dispatch import settings
from dispatch.core.tracker import NEVER_MS, STATE_DTYPE, FixLimits, Tracker
from dispatch.history.checkpoints import load_checkpoint, save_checkpoint
from dispatch.history.selectors import NEWEST_DTYPE, newest_fixes
from dispatch.ingest.counters import IngestCounters, IngestSnapshot
from dispatch.ingest.http_message import MessageLimits
from dispatch.ingest.pipeline import Pipeline, PipelineLimits
from dispatch.ingest.rate import DeviceRate
from dispatch.ingest.registry import DeviceEntry, Registry
from dispatch.ingest.reloading import RegistryReloader
from dispatch.ingest.storage import Storage
from dispatch.live.service import TileService
from vola.errors import DISCONNECT_INVALID_TOKEN, Disconnect

__all__ = ["DispatchNotRunning", "DispatchService", "current", "current_or_none"]

logger = logging.getLogger(__name__)

_REPLAY_MARGIN: Final = timedelta(minutes=2)
"""Fixes that arrived so long before a checkpoint may be missing in it: they waited in the queue or in a commit."""

_RESTORE_TIMEOUT_S: Final = 120
"""Reading the newest fix of 50,000 devices takes half a second on a warm server, much longer on a cold one."""

_SAVE_TIMEOUT_S: Final = 10
"""Fifty milliseconds for 50,000 devices; a stop must not wait for a server that hangs."""


class DispatchNotRunning(RuntimeError):  # noqa: N818 - named for what happened
    """No node runs Dispatch in this process."""

    code = "dispatch_not_running"

    def __str__(self) -> str:
        return "Dispatch does not run in this process; `manage.py vola serve` runs it."


class _Node(Protocol):
    """What is asked of the engine's node."""

    def disconnect_user(self, user_id: str, *, disconnect: Disconnect) -> int: ...


class DispatchService:
    """All parts of a running Dispatch.

    Attributes:
        registry: the devices.
        tracker: their live state.
        pipeline: takes fixes.
        live: the map.
        rate: limit for each device.
        counters: of the ingest.
        message_limits: bounds of one message.
    """

    def __init__(self) -> None:
        self._node: _Node | None = None
        timeout_s = settings.INGEST_COMMIT_TIMEOUT_S.read()
        self._storage = Storage(timeout_s=timeout_s, name="dispatch-commit")
        self._reading = Storage(timeout_s=_RESTORE_TIMEOUT_S, name="dispatch-read")
        self._checkpoint_interval_s = settings.CHECKPOINT_INTERVAL_S.read()
        self.message_limits = MessageLimits(
            header_bytes_max=settings.INGEST_HEADER_BYTES_MAX.read(),
            body_bytes_max=settings.INGEST_BODY_BYTES_MAX.read(),
            json_body_bytes_max=settings.INGEST_JSON_BODY_BYTES_MAX.read(),
            body_timeout_s=settings.INGEST_BODY_TIMEOUT_S.read(),
            array_fixes_max=settings.INGEST_ARRAY_FIXES_MAX.read(),
        )
        self.rate = DeviceRate(rate_hz=settings.INGEST_DEVICE_RATE_HZ.read(), burst=settings.INGEST_DEVICE_BURST.read())
        self.counters = IngestCounters()
        self.tracker = Tracker(limits=_fix_limits())
        self.registry = Registry(self.tracker, on_revoked=self._disconnect)
        self.live = TileService(self.tracker, fleets=lambda: self.registry.fleets)
        self._reloader = RegistryReloader(
            self.registry, storage=self._reading, interval_s=settings.REGISTRY_RELOAD_INTERVAL_S.read()
        )
        self.pipeline = Pipeline(
            registry=self.registry,
            tracker=self.tracker,
            storage=self._storage,
            counters=self.counters,
            limits=PipelineLimits(
                batch_wait_ms=settings.INGEST_BATCH_WAIT_MS.read(),
                batch_fixes=settings.INGEST_BATCH_FIXES.read(),
                queue_fixes=settings.INGEST_QUEUE_FIXES.read(),
            ),
            on_applied=self.live.on_applied,
        )
        self._checkpoints: asyncio.Task[None] | None = None

    async def start(self, node: _Node) -> None:
        """Load the devices, restore their state, and run.

        Raises:
            psycopg.Error, TimeoutError: the database is away. A node that knows no devices would refuse them all.
        """
        self._node = node
        await self._reloader.load()
        await self._restore()
        await self.live.start()
        self.pipeline.start()
        self._reloader.start()
        self._checkpoints = asyncio.create_task(self._save_checkpoints(), name="dispatch checkpoints")
        _set_current(self)

    async def stop(self) -> None:
        """Commit what waits, save the state, and end."""
        _set_current(None)
        await self._reloader.stop()
        await self.pipeline.stop()
        if self._checkpoints is not None:
            self._checkpoints.cancel()
            with suppress(asyncio.CancelledError):
                await self._checkpoints
            await self._save_checkpoint()
        await self.live.stop()
        await self._storage.close()
        await self._reading.close()

    def snapshot(self) -> IngestSnapshot:
        """The ingest's counters now."""
        return self.counters.snapshot(now_s=time.monotonic())

    def _disconnect(self, entry: DeviceEntry) -> None:
        """End the connections of a device whose credential is no longer good."""
        if self._node is not None:
            self._node.disconnect_user(f"device:{entry.device_id}", disconnect=DISCONNECT_INVALID_TOKEN)

    async def _restore(self) -> None:
        """The last checkpoint, then what arrived since; without a checkpoint the newest fix of each device."""
        checkpoint = await self._reading.run(lambda connection: load_checkpoint(connection, STATE_DTYPE))
        since: datetime | None = None
        if checkpoint is not None:
            rows, saved_at = checkpoint
            self.tracker.restore(rows)
            since = saved_at - _REPLAY_MARGIN
        device_ids = self.registry.active_device_ids()
        newest = await self._reading.run(
            lambda connection: newest_fixes(connection, device_ids=device_ids, received_since=since)
        )
        changed = self.tracker.restore(_newer(self.tracker, _state_rows(newest)))
        kept = 0 if checkpoint is None else len(checkpoint[0])
        logger.info("Restored %d devices from the checkpoint and %d from the history.", kept, len(changed))

    async def _save_checkpoints(self) -> None:
        while True:
            await asyncio.sleep(self._checkpoint_interval_s)
            await self._save_checkpoint()

    async def _save_checkpoint(self) -> None:
        saved_at = datetime.now(UTC)
        rows = self.tracker.checkpoint()

        def save(connection: psycopg.Connection[Any]) -> None:
            save_checkpoint(connection, rows, saved_at=saved_at)

        try:
            await self._reading.run(save, timeout_s=_SAVE_TIMEOUT_S)
        except (psycopg.Error, TimeoutError, OSError) as problem:
            # The one before stays; a start then replays more.
            logger.warning("The tracker's state could not be saved: %s", problem)


def _fix_limits() -> FixLimits:
    return FixLimits(
        future_ms=settings.FIX_FUTURE_LIMIT_S.read() * 1_000,
        past_ms=settings.FIX_PAST_LIMIT_DAYS.read() * 86_400_000,
    )


def _state_rows(newest: NDArray[np.void]) -> NDArray[np.void]:
    """Stored fixes as rows of the tracker's state, without a step and a candidate."""
    rows = np.zeros(len(newest), STATE_DTYPE)
    for name in STATE_DTYPE.names or ():
        if name in (NEWEST_DTYPE.names or ()):
            rows[name] = newest[name]
        else:
            rows[name] = NEVER_MS if STATE_DTYPE[name].kind == "i" else np.nan
    return rows


def _newer(tracker: Tracker, rows: NDArray[np.void]) -> NDArray[np.void]:
    """The rows whose fix is newer than the one that the tracker has: the checkpoint knows more of equal ones."""
    slots = [tracker.slot_of(device_id) for device_id in rows["device_id"].tolist()]
    known = np.array([NEVER_MS if slot is None else tracker.fix_time_ms[slot] for slot in slots], np.int64)
    return rows[rows["fix_time_ms"] > known]


_current: DispatchService | None = None


def _set_current(service: DispatchService | None) -> None:
    global _current  # noqa: PLW0603 - one node a process is the design
    _current = service


def current_or_none() -> DispatchService | None:
    """What runs in this process, or None."""
    return _current


def current() -> DispatchService:
    """What runs in this process.

    Raises:
        DispatchNotRunning: nothing does.
    """
    if _current is None:
        raise DispatchNotRunning
    return _current
