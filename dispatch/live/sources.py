"""What watched channels hold: four sources that the engine pulls from when their subscribers can take it.

A version is the number of a tick of the board (a vehicle counts its own). Frames are made on demand: nothing is encoded
for a subscriber that is not ready, and the engine asks once for all subscribers at one version. See
``docs/algorithms/tiles.md``.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from dispatch.core.frames import (
    FrameKind,
    Tile,
    VehicleRows,
    ages_s,
    encode_cells,
    encode_vehicles,
    json_payload,
)
from dispatch.core.status import Status, status_counts
from dispatch.core.tiles import cell_counts, cell_indexes, offsets_u16, tile_key
from dispatch.core.tracker import Tracker
from dispatch.live.board import Board
from dispatch.live.states import vehicle_states
from vola.django import SourceFrames

__all__ = ["DEPARTURES_MAX", "CellSource", "SummarySource", "TileSource", "VehicleSource"]

DEPARTURES_MAX: Final = 10_000
"""Departures that a tile remembers (40 kB). A subscriber that missed older ones gets a snapshot."""


class TileSource:
    """The vehicles of one fleet in one tile."""

    def __init__(
        self,
        board: Board,
        *,
        fleet_id: int,
        tile: Tile,
        changed: Callable[[], None],
        closed: Callable[[], None],
        departures_max: int = DEPARTURES_MAX,
    ) -> None:
        self.key = tile_key(fleet_id=fleet_id, x=tile.x, y=tile.y)
        self._board = board
        self._fleet_id = fleet_id
        self._tile = tile
        self._changed = changed
        self._closed = closed
        self._departures_max = departures_max
        self._newest_tick = self._oldest_tick = board.tick
        self._departures: deque[tuple[int, NDArray[np.uint32]]] = deque()
        self._departure_count = 0

    def note(self, gone: NDArray[np.uint32]) -> None:
        """The board's newest tick changed this tile; ``gone`` are the devices that it took out of it."""
        self._newest_tick = self._board.tick
        if len(gone):
            self._departures.append((self._board.tick, gone))
            self._departure_count += len(gone)
        while self._departure_count > self._departures_max:
            self._oldest_tick, forgotten = self._departures.popleft()
            self._departure_count -= len(forgotten)
        self._changed()

    def snapshot(self) -> SourceFrames:
        """Every vehicle of the tile, in one frame."""
        slots = self._board.slots_in(self.key, level=self._tile.level)
        return self._frames(slots, kind=FrameKind.SNAPSHOT, gone=None)

    def changes(self, since_version: int) -> SourceFrames | None:
        """What changed after ``since_version``, in one frame; a snapshot where that is not known or not shorter."""
        if since_version >= self._newest_tick:
            return None
        slots = self._board.slots_in(self.key, level=self._tile.level)
        if since_version < self._oldest_tick:
            return self._frames(slots, kind=FrameKind.SNAPSHOT, gone=None)
        news = slots[self._board.changed_tick[slots] > since_version]
        left = [identifiers for tick, identifiers in self._departures if tick > since_version]
        gone = np.zeros(0, np.uint32)
        if left:
            # A device that left and is here again entered after since_version, so it is among the news.
            gone = np.setdiff1d(np.concatenate(left), self._board.device_id[news].astype(np.uint32))
        if len(news) + len(gone) > len(slots):
            return self._frames(slots, kind=FrameKind.SNAPSHOT, gone=None)
        return self._frames(news, kind=FrameKind.DELTA, gone=gone)

    def close(self) -> None:
        """Nobody watches any more."""
        self._closed()

    def _frames(self, slots: NDArray[np.intp], *, kind: FrameKind, gone: NDArray[np.uint32] | None) -> SourceFrames:
        board, level = self._board, self._tile.level
        slots = slots[np.argsort(board.device_id[slots])]
        now_ms = board.now_ms(self._fleet_id)
        rows = VehicleRows(
            id=board.device_id[slots].astype(np.uint32),
            x=offsets_u16(board.column[slots], level=level),
            y=offsets_u16(board.row[slots], level=level),
            course_deg=board.course_deg[slots],
            speed_mps=board.speed_mps[slots],
            status=board.status[slots],
            age_s=ages_s(fix_time_ms=board.fix_time_ms[slots], now_ms=now_ms),
        )
        frame = encode_vehicles(rows, kind=kind, tile=self._tile, clock_s=now_ms / 1000, gone=gone)
        return SourceFrames(board.tick, (json_payload(frame),))


class CellSource:
    """How many vehicles of one fleet have which status in each of the 64 cells of one tile. Always sent whole."""

    def __init__(
        self, board: Board, *, fleet_id: int, tile: Tile, changed: Callable[[], None], closed: Callable[[], None]
    ) -> None:
        self.key = tile_key(fleet_id=fleet_id, x=tile.x, y=tile.y)
        self._board = board
        self._fleet_id = fleet_id
        self._tile = tile
        self._changed = changed
        self._closed = closed
        self._newest_tick = board.tick

    def note(self) -> None:
        """The board's newest tick changed a count."""
        self._newest_tick = self._board.tick
        self._changed()

    def snapshot(self) -> SourceFrames:
        """The counts, in one frame."""
        board, level = self._board, self._tile.level
        slots = board.slots_in(self.key, level=level)
        cells = cell_indexes(column=board.column[slots], row=board.row[slots], level=level)
        counts = cell_counts(cell=cells, status=board.status[slots])
        frame = encode_cells(counts, tile=self._tile, clock_s=board.now_ms(self._fleet_id) / 1000)
        return SourceFrames(board.tick, (json_payload(frame),))

    def changes(self, since_version: int) -> SourceFrames | None:
        """The counts, if any changed after ``since_version``."""
        return self.snapshot() if since_version < self._newest_tick else None

    def close(self) -> None:
        """Nobody watches any more."""
        self._closed()


class Rates(Protocol):
    """Where the summary's rates come from."""

    def fixes_per_s(self, fleet_id: int) -> float:
        """Fixes of the fleet that were stored, a second of wall time."""
        ...


class SummarySource:
    """A fleet in one JSON object: its clock, counts by status, bounds and rates. New at every tick."""

    def __init__(
        self,
        board: Board,
        *,
        tracker: Tracker,
        fleet_id: int,
        rates: Rates,
        changed: Callable[[], None],
        closed: Callable[[], None],
    ) -> None:
        self._board = board
        self._tracker = tracker
        self._fleet_id = fleet_id
        self._rates = rates
        self._changed = changed
        self._closed = closed

    def note(self) -> None:
        """A tick is over."""
        self._changed()

    def snapshot(self) -> SourceFrames:
        """The object as of the last tick."""
        board, fleet_id = self._board, self._fleet_id
        fleet = board.fleet(fleet_id)
        slots = board.fleet_slots(fleet_id)
        counts = status_counts(board.status[slots]).tolist()
        summary = {
            "fleet_id": fleet_id,
            "name": fleet.name if fleet else "",
            "clock_ms": board.now_ms(fleet_id),
            "clock_speed": fleet.clock.speed if fleet else 1.0,
            "wall_ms": board.wall_ms,
            "counts": {status.name.lower(): counts[status] for status in Status},
            "total": len(slots),
            "bounds": self._bounds(slots[board.column[slots] >= 0]),
            "rates": {"fixes_per_s": round(self._rates.fixes_per_s(fleet_id), 1)},
        }
        return SourceFrames(board.tick, (msgspec.json.encode(summary),))

    def changes(self, since_version: int) -> SourceFrames | None:
        """The object, if there was a tick after ``since_version``."""
        return self.snapshot() if since_version < self._board.tick else None

    def close(self) -> None:
        """Nobody watches any more."""
        self._closed()

    def _bounds(self, slots: NDArray[np.intp]) -> list[float] | None:
        """West, south, east, north of all located vehicles; a fleet on both sides of longitude 180 spans the world."""
        if not len(slots):
            return None
        lat, lon = self._tracker.lat[slots], self._tracker.lon[slots]
        return [float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())]


class VehicleSource:
    """The newest fix of one device of one fleet, as JSON, wherever it is."""

    def __init__(
        self,
        board: Board,
        *,
        tracker: Tracker,
        fleet_id: int,
        device_id: int,
        changed: Callable[[], None],
        closed: Callable[[], None],
    ) -> None:
        self.device_id = device_id
        self._board = board
        self._tracker = tracker
        self._fleet_id = fleet_id
        self._changed = changed
        self._closed = closed
        self._version = 1

    def note(self) -> None:
        """The device has a newer fix, another status or another fleet."""
        self._version += 1
        self._changed()

    def snapshot(self) -> SourceFrames:
        """The newest fix; a device that is not of the fleet (any more) shows as one without a fix."""
        board, tracker = self._board, self._tracker
        index = board.fleet_index(self._fleet_id)
        now_ms = board.now_ms(self._fleet_id)
        (state,) = vehicle_states(tracker, device_ids=[self.device_id], fleet_index=index, now_ms=now_ms)
        return SourceFrames(self._version, (msgspec.json.encode(state),))

    def changes(self, since_version: int) -> SourceFrames | None:
        """The newest fix, if it is newer than ``since_version``."""
        return self.snapshot() if since_version < self._version else None

    def close(self) -> None:
        """Nobody watches any more."""
        self._closed()
