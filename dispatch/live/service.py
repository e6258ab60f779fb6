"""The live map's service: knows who watches what and wakes exactly those whose content changed.

Runs on the event loop, five times a second (:meth:`TileService.tick`), and at every applied batch for followed
vehicles.
What nobody watches costs nothing beyond keeping the board. Left out: permissions (``dispatch.live.channels``) and
sending (the engine). See ``docs/algorithms/tiles.md``.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.core.frames import Tile
from dispatch.core.status import Status
from dispatch.core.tracker import Tracker
from dispatch.live.board import Board, Changes, FleetView
from dispatch.live.errors import LiveNotRunning
from dispatch.live.sources import DEPARTURES_MAX, CellSource, SummarySource, TileSource, VehicleSource
from dispatch.live.states import VehicleState, vehicle_states

__all__ = ["TICK_INTERVAL_S", "TileService", "running_service"]

logger = logging.getLogger(__name__)

TICK_INTERVAL_S: Final = 0.2
"""What a fix waits at most between its commit and its frame; the map glides between frames, so it is not restless."""
ANSWER_TIMEOUT_S: Final = 5.0
"""How long a page waits for the loop; a loop that is busy for longer is in trouble."""
_RATE_TICKS: Final = 25
"""Rates are means over this many ticks (five seconds)."""
_CELL_KEY_LEVELS: Final = 3
"""Cells are the tiles three levels further in."""


# The started services of this process: one, or none where only pages are served.
_running: Final[list["TileService"]] = []


def running_service() -> "TileService":
    """The service that runs in this process.

    Raises:
        LiveNotRunning: none does.
    """
    if not _running:
        raise LiveNotRunning
    return _running[-1]


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class TileService:
    """Owns the board and the open sources. Everything here but :meth:`ask` runs on the loop's thread.

    Attributes:
        board: what is shown.
        tick_s: how long the last tick took.
    """

    def __init__(
        self,
        tracker: Tracker,
        *,
        fleets: Callable[[], Sequence[FleetView]],
        wall_ms: Callable[[], int] = _wall_ms,
        departures_max: int = DEPARTURES_MAX,
    ) -> None:
        """Show what ``tracker`` knows.

        Args:
            fleets: the fleets by the tracker's fleet index, now.
            wall_ms: the wall clock, milliseconds since 1970 UTC.
            departures_max: vehicles gone that each watched tile remembers; who missed more gets a snapshot.
        """
        self.board = Board(tracker)
        self.tick_s = 0.0
        self._tracker = tracker
        self._fleets = fleets
        self._wall_ms = wall_ms
        self._departures_max = departures_max
        self._tiles: dict[int, _Watched[int, TileSource]] = {}
        self._cells: dict[int, _Watched[int, CellSource]] = {}
        self._summaries: _Watched[int, SummarySource] = _Watched()
        self._vehicles: _Watched[int, VehicleSource] = _Watched()
        self._stored: deque[tuple[int, NDArray[np.int64]]] = deque(maxlen=_RATE_TICKS + 1)
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._refresh()

    async def start(self) -> None:
        """Tick now and from now on, and be the one that channels and pages of this process ask."""
        self._loop = asyncio.get_running_loop()
        self.tick()  # who comes before the first interval is over must see the restored fleet, not an empty one
        _running.append(self)
        self._task = asyncio.create_task(self._run(), name="dispatch live ticks")

    async def stop(self) -> None:
        """Tick no more."""
        if self._task is None:
            return
        _running.remove(self)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._task = self._loop = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_INTERVAL_S)
            try:
                self.tick()
            except Exception:
                # The map stands still, which everybody sees; fixes are still taken, and the next tick tries again.
                logger.exception("a tick of the live map failed")

    # What changed -------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Bring the board up to date and wake the sources whose content changed."""
        started_s = time.perf_counter()
        changes = self._refresh()
        for level, tiles in self._tiles.items():
            if tiles:
                self._wake_tiles(changes, level=level, tiles=tiles)
        for level, cells in self._cells.items():
            if cells:
                self._wake_cells(changes, level=level, cells=cells)
        for summaries in self._summaries.values():
            for summary in summaries:
                summary.note()
        if self._vehicles:
            self._wake_vehicles({*self.board.device_id[changes.slot].tolist(), *changes.device_before.tolist()})
        self.tick_s = time.perf_counter() - started_s

    def on_applied(self, slots: NDArray[np.int32]) -> None:
        """A batch was applied: wake the followed vehicles among ``slots`` at once. The map waits for the tick."""
        if self._vehicles:
            self._wake_vehicles(set(self._tracker.device_id[slots].tolist()))

    def _refresh(self) -> Changes:
        wall_ms = self._wall_ms()
        self._stored.append((wall_ms, self._tracker.stored_count_by_fleet.copy()))
        return self.board.refresh(self._fleets(), wall_ms=wall_ms)

    def _wake_vehicles(self, devices: set[int]) -> None:
        for device_id in self._vehicles.keys() & devices:
            for source in self._vehicles[device_id]:
                source.note()

    def _wake_tiles(self, changes: Changes, *, level: int, tiles: "_Watched[int, TileSource]") -> None:
        before, after = changes.levels[level].before, changes.levels[level].after
        watched = np.array(sorted(tiles), np.int64)
        was, is_now = _positions(watched, before), _positions(watched, after)
        leaves = (was >= 0) & ((before != after) | (changes.device_before != self.board.device_id[changes.slot]))
        order = np.argsort(was[leaves], kind="stable")
        tile, gone = was[leaves][order], changes.device_before[leaves][order].astype(np.uint32)
        for at in np.union1d(was, is_now).tolist():
            if at >= 0:
                first, last = np.searchsorted(tile, [at, at + 1])
                for source in tiles[int(watched[at])]:
                    source.note(gone[first:last])

    def _wake_cells(self, changes: Changes, *, level: int, cells: "_Watched[int, CellSource]") -> None:
        fine, coarse = changes.levels[level + _CELL_KEY_LEVELS], changes.levels[level]
        differs = (fine.before != fine.after) | (changes.status_before != self.board.status[changes.slot])
        touched = np.concatenate([coarse.before[differs], coarse.after[differs]])
        for key in cells.keys() & set(np.unique(touched).tolist()):
            for source in cells[key]:
                source.note()

    # Who watches --------------------------------------------------------------------------------------------------

    def open_tile(self, fleet_id: int, *, tile: Tile, changed: Callable[[], None]) -> TileSource:
        """A source of the vehicles in a tile."""
        sources = self._tiles.setdefault(tile.level, _Watched())
        self.board.watch_level(tile.level)

        def closed() -> None:
            self.board.unwatch_level(tile.level)
            sources.remove(source.key, source)

        source = TileSource(
            self.board,
            fleet_id=fleet_id,
            tile=tile,
            changed=changed,
            closed=closed,
            departures_max=self._departures_max,
        )
        sources.add(source.key, source)
        return source

    def open_cells(self, fleet_id: int, *, tile: Tile, changed: Callable[[], None]) -> CellSource:
        """A source of the aggregates of a tile."""
        sources = self._cells.setdefault(tile.level, _Watched())
        levels = (tile.level, tile.level + _CELL_KEY_LEVELS)
        for level in levels:
            self.board.watch_level(level)

        def closed() -> None:
            for level in levels:
                self.board.unwatch_level(level)
            sources.remove(source.key, source)

        source = CellSource(self.board, fleet_id=fleet_id, tile=tile, changed=changed, closed=closed)
        sources.add(source.key, source)
        return source

    def open_summary(self, fleet_id: int, *, changed: Callable[[], None]) -> SummarySource:
        """A source of a fleet's summary."""

        def closed() -> None:
            self._summaries.remove(fleet_id, source)

        source = SummarySource(
            self.board, tracker=self._tracker, fleet_id=fleet_id, rates=self, changed=changed, closed=closed
        )
        self._summaries.add(fleet_id, source)
        return source

    def open_vehicle(self, fleet_id: int, *, device_id: int, changed: Callable[[], None]) -> VehicleSource:
        """A source of a followed vehicle; it shows nothing while the device is not of this fleet."""

        def closed() -> None:
            self._vehicles.remove(device_id, source)

        source = VehicleSource(
            self.board, tracker=self._tracker, fleet_id=fleet_id, device_id=device_id, changed=changed, closed=closed
        )
        self._vehicles.add(device_id, source)
        return source

    @property
    def is_unwatched(self) -> bool:
        """Whether no source is open."""
        return not (any(self._tiles.values()) or any(self._cells.values()) or self._summaries or self._vehicles)

    # What is known now --------------------------------------------------------------------------------------------

    def ask[T](self, question: Callable[[], T]) -> T:
        """Run ``question`` on the loop's thread, between batches and ticks, and wait for the answer. For other threads.

        Raises:
            TimeoutError: the loop did not come to it within ANSWER_TIMEOUT_S.
            Exception: what ``question`` raises.
        """
        assert self._loop is not None, "only a started service can be asked"
        answer: Future[T] = Future()

        def respond() -> None:
            try:
                answer.set_result(question())
            except Exception as error:  # noqa: BLE001 - raised again in the thread that asks
                answer.set_exception(error)

        self._loop.call_soon_threadsafe(respond)
        return answer.result(timeout=ANSWER_TIMEOUT_S)

    def vehicle_states(self, device_ids: Sequence[int], *, fleet_id: int) -> list[VehicleState]:
        """The newest fixes of some devices of a fleet, in the order of ``device_ids``."""
        index, now_ms = self.board.fleet_index(fleet_id), self.board.now_ms(fleet_id)
        return vehicle_states(self._tracker, device_ids=device_ids, fleet_index=index, now_ms=now_ms)

    def devices_with_status(self, fleet_id: int, *, status: Status) -> list[int]:
        """The devices of a fleet that had a status at the last tick, ascending."""
        slots = self.board.fleet_slots(fleet_id)
        return sorted(self.board.device_id[slots[self.board.status[slots] == status]].tolist())

    def fixes_per_s(self, fleet_id: int) -> float:
        """Fixes of a fleet that were stored, a second of wall time, over the last five seconds."""
        index = self.board.fleet_index(fleet_id)
        (first_ms, first), (last_ms, last) = self._stored[0], self._stored[-1]
        if not 0 <= index < len(last) or last_ms <= first_ms:
            return 0.0
        before = int(first[index]) if index < len(first) else 0
        return (int(last[index]) - before) * 1000 / (last_ms - first_ms)


class _Watched[K, S](dict[K, list[S]]):
    """Open sources by what they are about. The engine opens one a channel; left and entered again, it may have two."""

    def add(self, key: K, source: S) -> None:
        self.setdefault(key, []).append(source)

    def remove(self, key: K, source: S) -> None:
        self[key].remove(source)
        if not self[key]:
            del self[key]


def _positions(watched: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where each key is in the ascending ``watched``; -1 where it is not."""
    at = np.minimum(np.searchsorted(watched, keys), len(watched) - 1)
    return np.where(watched[at] == keys, at, -1)
