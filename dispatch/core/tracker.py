"""The live state of all devices, in columns.

One row ("slot") a device: its newest accepted fix, and a candidate if its last fix jumped. :meth:`Tracker.assess`
decides about a batch and changes nothing; :meth:`Tracker.apply` changes the state once the batch is durable. One owner,
one thread; nothing here is done fix by fix. Left out: history (a late fix never touches this) and statuses
(``dispatch.core.status``).
The rules: ``docs/algorithms/fix-filter.md``.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.core.fix import FixBatch, Verdict
from dispatch.core.judging import (
    CLEAR,
    NEVER_MS,
    Assessment,
    FixLimits,
    Known,
    Places,
    believed_accuracy_m,
    judge,
    static_verdicts,
)

__all__ = ["NEVER_MS", "STATE_DTYPE", "Assessment", "FixLimits", "Tracker", "empty_states"]

NO_DEVICE: Final = 0
"""``device_id`` of a slot that is free; primary keys start at 1."""

_FIX_COLUMNS: Final = ("speed_mps", "course_deg", "altitude_m", "accuracy_m", "battery_pct")
_KEPT: Final = (
    ("device_id", "<i8", NO_DEVICE),
    ("fix_time_ms", "<i8", NEVER_MS),
    ("received_ms", "<i8", NEVER_MS),
    ("lat", "<f8", np.nan),
    ("lon", "<f8", np.nan),
    *((name, "<f4", np.nan) for name in _FIX_COLUMNS),
    ("step_m", "<f4", np.nan),
    ("step_ms", "<f8", np.nan),
    ("candidate_time_ms", "<i8", NEVER_MS),
    ("candidate_lat", "<f8", np.nan),
    ("candidate_lon", "<f8", np.nan),
    ("candidate_accuracy_m", "<f8", np.nan),
)

STATE_DTYPE: Final = np.dtype([(name, kind) for name, kind, _ in _KEPT])
"""One device's state, a row of a checkpoint. ``step_*`` is the way from the fix before; NEVER_MS and NaN are "none"."""


def empty_states(count: int) -> NDArray[np.void]:
    """Rows of STATE_DTYPE for devices without a fix."""
    rows = np.empty(count, STATE_DTYPE)
    for name, _, empty in _KEPT:
        rows[name] = empty
    return rows


class Tracker:
    """Columnar state of every device; columns are as long as ``capacity`` and rows at or beyond ``size`` are unused.

    The columns are attributes named as in STATE_DTYPE, plus ``fleet_index``. They are replaced when the tracker grows:
    read them through the tracker each time, and never write to them.

    ``stored_count_by_fleet`` counts the fixes that became rows of the history, by fleet index, since the start.
    """

    device_id: NDArray[np.int64]
    fleet_index: NDArray[np.int32]
    fix_time_ms: NDArray[np.int64]
    received_ms: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    speed_mps: NDArray[np.float32]
    course_deg: NDArray[np.float32]
    altitude_m: NDArray[np.float32]
    accuracy_m: NDArray[np.float32]
    battery_pct: NDArray[np.float32]
    step_m: NDArray[np.float32]
    step_ms: NDArray[np.float64]
    candidate_time_ms: NDArray[np.int64]
    candidate_lat: NDArray[np.float64]
    candidate_lon: NDArray[np.float64]
    candidate_accuracy_m: NDArray[np.float64]

    def __init__(self, *, limits: FixLimits | None = None, capacity: int = 1024) -> None:
        """Start without devices.

        Args:
            limits: what is believed of a fix.
            capacity: rows to begin with; it doubles when they are used up.
        """
        self.limits = limits or FixLimits()
        self.capacity = max(capacity, 1)
        self.size = 0
        self.stored_count_by_fleet = np.zeros(0, np.int64)
        self._slots: dict[int, int] = {}
        self._free: list[int] = []
        self.fleet_index = np.full(self.capacity, -1, np.int32)
        for name, kind, empty in _KEPT:
            setattr(self, name, np.full(self.capacity, empty, kind))

    def __len__(self) -> int:
        """How many devices there are."""
        return len(self._slots)

    def slot_of(self, device_id: int) -> int | None:
        """The device's slot, None when it is not tracked."""
        return self._slots.get(device_id)

    def add_device(self, device_id: int, fleet_index: int) -> int:
        """Give a device a slot, empty at first. A known device keeps slot and state and moves to ``fleet_index``."""
        assert device_id > NO_DEVICE, "device identifiers start at 1"
        assert fleet_index >= 0, "a device belongs to a fleet"
        slot = self._slots.get(device_id)
        if slot is None:
            slot = self._free.pop() if self._free else self._next_slot()
            self._slots[device_id] = slot
            self.device_id[slot] = device_id
        self.fleet_index[slot] = fleet_index
        if fleet_index >= len(self.stored_count_by_fleet):
            self.stored_count_by_fleet.resize(fleet_index + 1, refcheck=False)
        return slot

    def remove_device(self, slot: int) -> None:
        """Forget a device; its slot may be given to another one. Batches that still name it change nothing any more."""
        device_id = int(self.device_id[slot])
        assert device_id != NO_DEVICE, "the slot is free already"
        del self._slots[device_id]
        self.fleet_index[slot] = -1
        for name, _, empty in _KEPT:
            getattr(self, name)[slot] = empty
        self._free.append(slot)

    def _next_slot(self) -> int:
        if self.size == self.capacity:
            self.fleet_index = np.concatenate([self.fleet_index, np.full(self.capacity, -1, np.int32)])
            for name, kind, empty in _KEPT:
                grown = np.concatenate([getattr(self, name), np.full(self.capacity, empty, kind)])
                setattr(self, name, grown)
            self.capacity *= 2
        self.size += 1
        return self.size - 1

    def assess(self, batch: FixBatch, *, now_ms: NDArray[np.int64]) -> Assessment:
        """Decide about a batch; the state stays as it is.

        Args:
            batch: n fixes in order of arrival.
            now_ms: (n) what each row's fleet's clock says; the same for all rows of a device.

        Returns:
            The verdicts, and what :meth:`apply` needs. Fixes of one device are judged in order of their fix times. A
            row whose device lost its slot is judged as a first fix.
        """
        verdicts = static_verdicts(batch, now_ms=now_ms, limits=self.limits)
        sound = np.flatnonzero(verdicts == Verdict.ACCEPTED)
        order = sound[np.lexsort((batch.fix_time_ms[sound], batch.device_id[sound]))]
        starts = np.flatnonzero(np.diff(batch.device_id[order], prepend=NO_DEVICE))
        first = order[starts]
        known = self._known(batch.slot[first], device_id=batch.device_id[first], now_ms=now_ms[first])
        return judge(batch, verdicts=verdicts, order=order, starts=starts, known=known, limits=self.limits)

    def _known(self, slot: NDArray[np.int32], *, device_id: NDArray[np.int64], now_ms: NDArray[np.int64]) -> Known:
        # A fix that is further ahead than is ever accepted was accepted before the fleet's clock was set back.
        lost = self.device_id[slot] != device_id
        lost |= self.fix_time_ms[slot] > now_ms + self.limits.future_ms
        accepted = Places(
            np.where(lost, NEVER_MS, self.fix_time_ms[slot]),
            self.lat[slot],
            self.lon[slot],
            believed_accuracy_m(self.accuracy_m[slot], limits=self.limits),
        )
        candidate = Places(
            np.where(lost, NEVER_MS, self.candidate_time_ms[slot]),
            self.candidate_lat[slot],
            self.candidate_lon[slot],
            self.candidate_accuracy_m[slot],
        )
        return Known(accepted, candidate, lost)

    def apply(self, assessment: Assessment) -> NDArray[np.int32]:
        """Take over what was decided about a batch that is durable now.

        Returns:
            The slots whose newest fix changed, ascending. Devices that lost their slot since are left out, and no fix
            is ever replaced by an older one, unless the fleet's clock was set back.
        """
        batch, slot, rows = assessment.batch, assessment.slot, assessment.last_row
        tracked = self.device_id[slot] == assessment.device_id
        moved = tracked & (rows >= 0)
        is_newer = batch.fix_time_ms[rows[moved]] > self.fix_time_ms[slot[moved]]
        moved[moved] = is_newer | assessment.is_forgotten[moved]
        to, rows = slot[moved], rows[moved]
        for name in ("fix_time_ms", "received_ms", "lat", "lon", *_FIX_COLUMNS):
            getattr(self, name)[to] = getattr(batch, name)[rows]
        self.step_m[to], self.step_ms[to] = assessment.step_m[moved], assessment.step_ms[moved]

        jumps = assessment.candidate_row
        settled = slot[tracked & (jumps == CLEAR)]
        self.candidate_time_ms[settled] = NEVER_MS
        for name in ("candidate_lat", "candidate_lon", "candidate_accuracy_m"):
            getattr(self, name)[settled] = np.nan
        jumped = tracked & (jumps >= 0)
        to_jump, rows = slot[jumped], jumps[jumped]
        self.candidate_time_ms[to_jump] = batch.fix_time_ms[rows]
        self.candidate_lat[to_jump], self.candidate_lon[to_jump] = batch.lat[rows], batch.lon[rows]
        self.candidate_accuracy_m[to_jump] = believed_accuracy_m(batch.accuracy_m[rows], limits=self.limits)
        self._count_stored(assessment)
        return np.sort(to)

    def _count_stored(self, assessment: Assessment) -> None:
        batch = assessment.batch
        stored = (assessment.verdicts <= Verdict.LATE) & (self.device_id[batch.slot] == batch.device_id)
        fleets = self.fleet_index[batch.slot[stored]]
        self.stored_count_by_fleet += np.bincount(fleets, minlength=len(self.stored_count_by_fleet))

    def checkpoint(self) -> NDArray[np.void]:
        """The state of every device that has one, as rows of STATE_DTYPE (a copy)."""
        slots = np.flatnonzero(
            (self.device_id[: self.size] != NO_DEVICE)
            & ((self.fix_time_ms[: self.size] != NEVER_MS) | (self.candidate_time_ms[: self.size] != NEVER_MS))
        )
        rows = np.empty(len(slots), STATE_DTYPE)
        for name, _, _ in _KEPT:
            rows[name] = getattr(self, name)[slots]
        return rows

    def restore(self, rows: NDArray[np.void]) -> NDArray[np.int32]:
        """Take over rows of STATE_DTYPE (each device at most once) for devices that have a slot and no newer fix.

        Returns:
            The slots that changed.
        """
        found = np.fromiter((self._slots.get(device, -1) for device in rows["device_id"].tolist()), np.int32, len(rows))
        takes = found >= 0
        takes[takes] = rows["fix_time_ms"][takes] >= self.fix_time_ms[found[takes]]
        for name, _, _ in _KEPT:
            getattr(self, name)[found[takes]] = rows[name][takes]
        return found[takes]
