"""The board: what dispatchers are shown of every vehicle, in columns, as of the last tick.

The tracker is ahead of the board by up to one tick; the board is what frames are made of, so that all frames of one
version agree. Left out: who watches what (``dispatch.live.service``). See ``docs/algorithms/tiles.md``.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from dispatch.core.clock import FleetClock
from dispatch.core.status import vehicle_statuses
from dispatch.core.tiles import NO_TILE, grid_places, tile_keys
from dispatch.core.tracker import NEVER_MS, Tracker

__all__ = ["UNKNOWN_FLEET", "Board", "Changes", "FleetView"]

UNKNOWN_FLEET: Final = -2
"""An index that no device has (that of a free slot is -1)."""

_COLUMNS: Final = (
    ("device_id", np.int64, 0),
    ("fleet_id", np.int64, 0),
    ("column", np.int64, -1),
    ("row", np.int64, -1),
    ("fix_time_ms", np.int64, NEVER_MS),
    ("course_deg", np.float32, np.nan),
    ("speed_mps", np.float32, np.nan),
    ("status", np.uint8, 0),
    ("changed_tick", np.int64, 0),
)


class FleetView(Protocol):
    """What the board needs to know of a fleet."""

    @property
    def fleet_id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def clock(self) -> FleetClock: ...


@dataclass(frozen=True, slots=True)
class LevelChanges:
    """Tile keys of the changed slots at one level, before and after a tick: int64 (m) each."""

    before: NDArray[np.int64]
    after: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a tick changed.

    Attributes:
        slot: (m) ascending.
        device_before: (m) which device was shown in the slot before; 0 none.
        status_before: (m).
        levels: by watched level.
    """

    slot: NDArray[np.intp]
    device_before: NDArray[np.int64]
    status_before: NDArray[np.uint8]
    levels: dict[int, LevelChanges]


class Board:
    """Columns by the tracker's slot. They are replaced when the tracker grows: read them through the board each time.

    Attributes:
        tick: number of the last refresh; the version of everything that is shown.
        wall_ms: wall time of the last refresh.
        size: rows in use.
        device_id, fleet_id: 0 where the slot is free.
        column, row: place on the grid of level 30, -1 where there is none.
        fix_time_ms, course_deg, speed_mps, status: as in the tracker and ``dispatch.core.status``.
        changed_tick: the tick that changed the row last.
    """

    device_id: NDArray[np.int64]
    fleet_id: NDArray[np.int64]
    column: NDArray[np.int64]
    row: NDArray[np.int64]
    fix_time_ms: NDArray[np.int64]
    course_deg: NDArray[np.float32]
    speed_mps: NDArray[np.float32]
    status: NDArray[np.uint8]
    changed_tick: NDArray[np.int64]

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.tick = 0
        self.wall_ms = 0
        self.size = 0
        self._capacity = 0
        self._fleets: dict[int, FleetView] = {}
        self._fleet_ids: list[int] = []
        self._keys: dict[int, NDArray[np.int64]] = {}
        self._watchers: Counter[int] = Counter()
        for name, kind, _ in _COLUMNS:
            setattr(self, name, np.zeros(0, kind))

    def fleet(self, fleet_id: int) -> FleetView | None:
        """The fleet as it was at the last refresh; None when it was not known."""
        return self._fleets.get(fleet_id)

    def fleet_index(self, fleet_id: int) -> int:
        """The tracker's index of a fleet at the last refresh; UNKNOWN_FLEET when it was not known."""
        return self._fleet_ids.index(fleet_id) if fleet_id in self._fleets else UNKNOWN_FLEET

    def now_ms(self, fleet_id: int) -> int:
        """The fleet's clock at the last refresh; the wall clock of it when the fleet is not known."""
        fleet = self._fleets.get(fleet_id)
        return fleet.clock.now_ms(self.wall_ms) if fleet else self.wall_ms

    def watch_level(self, level: int) -> None:
        """Keep the keys of a level up to date from now on, until as many :meth:`unwatch_level`."""
        self._watchers[level] += 1
        if level not in self._keys:
            self._keys[level] = self._level_keys(level, slice(None))

    def unwatch_level(self, level: int) -> None:
        """One watcher less."""
        self._watchers[level] -= 1
        if not self._watchers[level]:
            del self._watchers[level], self._keys[level]

    def slots_in(self, key: int, *, level: int) -> NDArray[np.intp]:
        """Slots of the vehicles in a tile of a watched level, ascending."""
        return np.flatnonzero(self._keys[level] == key)

    def fleet_slots(self, fleet_id: int) -> NDArray[np.intp]:
        """Slots of all vehicles of a fleet, ascending."""
        return np.flatnonzero(self.fleet_id[: self.size] == fleet_id)

    def refresh(self, fleets: Sequence[FleetView], *, wall_ms: int) -> Changes:
        """Bring the board up to date with the tracker and the fleets' clocks.

        Args:
            fleets: by the tracker's fleet index.
            wall_ms: now.
        """
        tracker = self._tracker
        self.tick += 1
        self.wall_ms = wall_ms
        self._fleets = {fleet.fleet_id: fleet for fleet in fleets}
        self._fleet_ids = [fleet.fleet_id for fleet in fleets]
        self._grow(tracker.capacity)
        size = self.size = tracker.size
        fleet_ids = np.array([*self._fleet_ids, 0], np.int64)
        clocks_ms = np.array([*(fleet.clock.now_ms(wall_ms) for fleet in fleets), wall_ms], np.int64)
        # A free slot's fleet index, -1, picks the entry appended for it; so does an index that is not listed yet.
        index = np.where(tracker.fleet_index[:size] < len(fleets), tracker.fleet_index[:size], -1)
        fleet_id = fleet_ids[index]

        # A newest fix is only ever replaced by one with another time, so the time alone tells.
        touched = tracker.fix_time_ms[:size] != self.fix_time_ms[:size]
        touched |= (tracker.device_id[:size] != self.device_id[:size]) | (fleet_id != self.fleet_id[:size])
        status = vehicle_statuses(
            fix_time_ms=tracker.fix_time_ms[:size],
            speed_mps=tracker.speed_mps[:size],
            step_m=tracker.step_m[:size],
            step_ms=tracker.step_ms[:size],
            now_ms=clocks_ms[index],
        )
        slot = np.flatnonzero(touched | (status != self.status[:size]))
        device_before, status_before = self.device_id[slot], self.status[slot]
        self._copy(np.flatnonzero(touched), fleet_id=fleet_id)
        self.status[slot] = status[slot]
        self.changed_tick[slot] = self.tick
        levels = {level: self._rekey(level, slot) for level in self._keys}
        return Changes(slot, device_before, status_before, levels)

    def _copy(self, slot: NDArray[np.intp], *, fleet_id: NDArray[np.int64]) -> None:
        tracker = self._tracker
        self.fleet_id[slot] = fleet_id[slot]
        for name in ("device_id", "fix_time_ms", "course_deg", "speed_mps"):
            getattr(self, name)[slot] = getattr(tracker, name)[slot]
        self.column[slot], self.row[slot] = grid_places(tracker.lat[slot], tracker.lon[slot])

    def _rekey(self, level: int, slot: NDArray[np.intp]) -> LevelChanges:
        keys = self._keys[level]
        before, after = keys[slot], self._level_keys(level, slot)
        keys[slot] = after
        return LevelChanges(before, after)

    def _level_keys(self, level: int, slot: NDArray[np.intp] | slice) -> NDArray[np.int64]:
        return tile_keys(fleet_id=self.fleet_id[slot], column=self.column[slot], row=self.row[slot], level=level)

    def _grow(self, capacity: int) -> None:
        more = capacity - self._capacity
        if more <= 0:
            return
        for name, kind, empty in _COLUMNS:
            setattr(self, name, np.concatenate([getattr(self, name), np.full(more, empty, kind)]))
        for level, keys in self._keys.items():
            self._keys[level] = np.concatenate([keys, np.full(more, NO_TILE, np.int64)])
        self._capacity = capacity
