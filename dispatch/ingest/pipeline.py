"""The group commit: fixes are judged, made durable together, applied to the tracker, and only then answered.

One batch is in flight while the next gathers. When the database fails, everything waiting is refused, and so is what
comes, at once, until a probe finds the database back; nothing is applied that is not durable. Owned by the loop's
thread. See docs/reference/ingest.md.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from dispatch.core.fix import Fix, Verdict
from dispatch.core.fix_time import repair_week_rollover
from dispatch.core.tracker import Assessment, Tracker
from dispatch.history.writing import write_batch
from dispatch.ingest.counters import IngestCounters
from dispatch.ingest.errors import DEVICE_INACTIVE, OVERLOADED, STORAGE_UNAVAILABLE, UNSTORABLE, Refusal
from dispatch.ingest.gathering import Outcome, Submitted, gather
from dispatch.ingest.registry import NO_SLOT, DeviceEntry, Registry
from dispatch.ingest.storage import Storage

__all__ = ["Pipeline", "PipelineLimits"]

logger = logging.getLogger(__name__)

_PROBE_FIRST_S: Final = 0.25
_PROBE_LAST_S: Final = 5.0
"""How long until the database is tried again; doubles from the first to the last."""

_VERDICTS: Final = tuple(Verdict)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineLimits:
    """Bounds of the pipeline; the settings of the same names explain them."""

    batch_wait_ms: int = 50
    batch_fixes: int = 2_000
    queue_fixes: int = 50_000


class Pipeline:
    """Takes fixes of authenticated devices.

    Args:
        registry: the fleets' clocks.
        tracker: judges, and is changed after each commit.
        storage: a connection that nobody else uses.
        counters: kept up to date here.
        limits: bounds.
        on_applied: called with the slots that changed, on the loop.
        wall_ms: the wall clock.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        tracker: Tracker,
        storage: Storage,
        counters: IngestCounters,
        limits: PipelineLimits,
        on_applied: Callable[[NDArray[np.int32]], None],
        wall_ms: Callable[[], int] = _wall_ms,
    ) -> None:
        self._registry = registry
        self._tracker = tracker
        self._storage = storage
        self._counters = counters
        self._limits = limits
        self._on_applied = on_applied
        self._wall_ms = wall_ms
        self._gathered: list[Submitted] = []
        self._oldest_s = 0.0
        self._has_some = asyncio.Event()
        self._is_due = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Commit from now on."""
        self._task = asyncio.create_task(self._run(), name="dispatch ingest")

    async def stop(self) -> None:
        """Commit what waits, then stop. Fixes that come later are refused."""
        self._stopping.set()
        self._has_some.set()
        self._is_due.set()
        if self._task is not None:
            await self._task

    def submit(self, device: DeviceEntry, fix: Fix, done: Callable[[Outcome], None]) -> None:
        """Take a fix; ``done`` gets its verdict when it is durable, or at once the reason why it is refused."""
        counters = self._counters
        counters.received += 1
        if not counters.is_storage_available or self._stopping.is_set():
            counters.refused[STORAGE_UNAVAILABLE.code] += 1
            done(STORAGE_UNAVAILABLE)
            return
        gathered = self._gathered
        if len(gathered) >= self._limits.queue_fixes:
            counters.refused[OVERLOADED.code] += 1
            done(OVERLOADED)
            return
        gathered.append(Submitted(device, fix, self._wall_ms(), done))
        counters.waiting += 1
        if len(gathered) == 1:
            self._oldest_s = time.monotonic()
            self._has_some.set()
        if len(gathered) >= self._limits.batch_fixes:
            self._is_due.set()

    async def _run(self) -> None:
        while True:
            await self._has_some.wait()
            await self._wait_until_due()
            rows = self._take()
            if rows:
                await self._process(rows)
            elif self._stopping.is_set():
                return

    async def _wait_until_due(self) -> None:
        """Until a batch is full or its oldest fix has waited long enough."""
        due_s = self._oldest_s + self._limits.batch_wait_ms / 1000 - time.monotonic()
        if due_s > 0 and not self._is_due.is_set():
            try:
                async with asyncio.timeout(due_s):
                    await self._is_due.wait()
            except TimeoutError:
                return

    def _take(self) -> list[Submitted]:
        """The next batch; what is beyond it stays and is due with the one after."""
        size = self._limits.batch_fixes
        rows, self._gathered = self._gathered[:size], self._gathered[size:]
        self._oldest_s = time.monotonic()
        if not self._stopping.is_set():
            if not self._gathered:
                self._has_some.clear()
            if len(self._gathered) < size:
                self._is_due.clear()
        return rows

    async def _process(self, rows: list[Submitted]) -> None:
        rows = self._without_untracked(rows)
        if not rows:
            return
        try:
            await self._commit(rows)
        except (psycopg.DataError, psycopg.IntegrityError) as problem:
            await self._isolate(rows, problem=problem)
        except (psycopg.Error, TimeoutError, OSError) as problem:
            logger.warning("A batch of %d fixes could not be stored: %s", len(rows), problem)
            self._refuse([*rows, *self._gathered])
            self._gathered = []
            await self._wait_for_database()
        except Exception:
            # Our bug. These fixes are refused, so their devices keep them; the next batch gets its chance.
            logger.exception("A batch of %d fixes failed.", len(rows))
            self._refuse(rows)

    async def _isolate(self, rows: list[Submitted], *, problem: psycopg.Error) -> None:
        """Find the fixes that the database refuses, by halves, so that their neighbours are stored."""
        if len(rows) > 1:
            middle = len(rows) // 2
            await self._process(rows[:middle])
            await self._process(rows[middle:])
            return
        logger.error("The database refuses a fix of device %d: %s", rows[0].device.device_id, type(problem).__name__)
        self._refuse(rows, UNSTORABLE)

    def _without_untracked(self, rows: list[Submitted]) -> list[Submitted]:
        """Answer the fixes whose device was deactivated while they waited; the others."""
        untracked = [row for row in rows if row.device.slot == NO_SLOT]
        if not untracked:
            return rows
        self._refuse(untracked, DEVICE_INACTIVE)
        return [row for row in rows if row.device.slot != NO_SLOT]

    async def _commit(self, rows: list[Submitted]) -> None:
        started_s = time.monotonic()
        assessment, fleet_index = self._assess(rows)
        batch, verdicts = assessment.batch, assessment.verdicts
        repeated = await self._storage.run(lambda connection: write_batch(connection, batch, verdicts=verdicts))
        final = verdicts.copy()
        final[repeated] = Verdict.DUPLICATE
        now_s = time.monotonic()
        self._counters.count_batch(final, fleet_index=fleet_index, commit_ms=(now_s - started_s) * 1000, now_s=now_s)
        self._apply(assessment)
        self._answer(rows, [_VERDICTS[verdict] for verdict in final.tolist()])

    def _assess(self, rows: list[Submitted]) -> tuple[Assessment, NDArray[np.int32]]:
        limits = self._tracker.limits
        batch, fleet_index, clock_ms = gather(
            rows, now_ms=lambda fleets, wall_ms: self._registry.now_ms(fleets, wall_ms=wall_ms)
        )
        batch.fix_time_ms = repair_week_rollover(
            batch.fix_time_ms, now_ms=clock_ms, past_ms=limits.past_ms, future_ms=limits.future_ms
        )
        return self._tracker.assess(batch, now_ms=clock_ms), fleet_index

    def _apply(self, assessment: Assessment) -> None:
        """Show what is durable. A failure here is a bug and must not make a durable fix look lost."""
        try:
            self._on_applied(self._tracker.apply(assessment))
        except Exception:
            logger.exception("A durable batch of %d fixes could not be applied.", len(assessment.batch))

    def _answer(self, rows: list[Submitted], outcomes: Iterable[Outcome]) -> None:
        self._counters.waiting -= len(rows)
        for row, outcome in zip(rows, outcomes, strict=True):
            try:
                row.done(outcome)
            except Exception:
                logger.exception("Answering a fix failed.")

    def _refuse(self, rows: list[Submitted], refusal: Refusal = STORAGE_UNAVAILABLE) -> None:
        self._counters.refused[refusal.code] += len(rows)
        self._answer(rows, [refusal] * len(rows))

    async def _wait_for_database(self) -> None:
        """Refuse everything until the database answers."""
        self._counters.is_storage_available = False
        delay_s = _PROBE_FIRST_S
        while not self._stopping.is_set():
            try:
                await self._storage.run(_probe)
            except (psycopg.Error, TimeoutError, OSError):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), delay_s)
                delay_s = min(delay_s * 2, _PROBE_LAST_S)
            else:
                self._counters.is_storage_available = True
                logger.info("The database answers again; fixes are taken.")
                return


def _probe(connection: psycopg.Connection[Any]) -> None:
    """Fails where a batch would: also on a server that is read only."""
    with connection.transaction():
        connection.execute("SELECT pg_current_xact_id()")
