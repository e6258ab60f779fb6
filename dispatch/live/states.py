"""The newest fixes of single vehicles, for the vehicle channel and the API."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from dispatch.core.status import Status, vehicle_statuses
from dispatch.core.tracker import NEVER_MS, Tracker

__all__ = ["VehicleState", "vehicle_states"]

_DIGITS: Final = {"speed_mps": 2, "course_deg": 1, "altitude_m": 1, "accuracy_m": 1, "battery_pct": 1}
"""Decimals that are shown: no tracker means more, and a float32 holds them."""


class VehicleState(msgspec.Struct, frozen=True, kw_only=True):
    """A vehicle's newest fix: SI units, degrees, milliseconds since 1970; None is unknown. ``id`` is the device."""

    id: int
    status: str
    lat: float | None = None
    lon: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    accuracy_m: float | None = None
    battery_pct: float | None = None
    fix_time_ms: int | None = None
    received_ms: int | None = None


def vehicle_states(tracker: Tracker, *, device_ids: Sequence[int], fleet_index: int, now_ms: int) -> list[VehicleState]:
    """What the tracker knows of some devices of one fleet.

    Args:
        device_ids: which, in any order.
        fleet_index: the tracker's index of the fleet; a device of another one shows as one without a fix.
        now_ms: the fleet's clock.

    Returns:
        One for each of ``device_ids``, in their order.
    """
    found = [tracker.slot_of(device_id) for device_id in device_ids]
    known = np.array([-1 if slot is None else slot for slot in found], np.intp)
    known[known >= 0] = np.where(tracker.fleet_index[known[known >= 0]] == fleet_index, known[known >= 0], -1)
    known[known >= 0] = np.where(tracker.fix_time_ms[known[known >= 0]] != NEVER_MS, known[known >= 0], -1)
    slots = known[known >= 0]
    status = vehicle_statuses(
        fix_time_ms=tracker.fix_time_ms[slots],
        speed_mps=tracker.speed_mps[slots],
        step_m=tracker.step_m[slots],
        step_ms=tracker.step_ms[slots],
        now_ms=np.full(len(slots), now_ms),
    )
    columns = {
        "lat": tracker.lat[slots].tolist(),
        "lon": tracker.lon[slots].tolist(),
        "fix_time_ms": tracker.fix_time_ms[slots].tolist(),
        "received_ms": tracker.received_ms[slots].tolist(),
        **{name: _known(getattr(tracker, name)[slots].tolist(), digits=digits) for name, digits in _DIGITS.items()},
    }
    located = iter(range(len(slots)))
    states: list[VehicleState] = []
    for device_id, slot in zip(device_ids, known.tolist(), strict=True):
        if slot < 0:
            states.append(VehicleState(id=device_id, status=Status.UNLOCATED.name.lower()))
            continue
        at = next(located)
        values = {name: column[at] for name, column in columns.items()}
        states.append(VehicleState(id=device_id, status=Status(int(status[at])).name.lower(), **values))
    return states


def _known(values: list[float], *, digits: int) -> list[float | None]:
    """The values in ``digits`` decimals; None for NaN, which is the one number that differs from itself."""
    return [round(value, digits) if value == value else None for value in values]  # noqa: PLR0124
