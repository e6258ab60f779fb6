"""The newest fix of single vehicles, for the vehicle channel and the API."""

import math

import msgspec
import numpy as np

from dispatch.core.status import Status, vehicle_statuses
from dispatch.core.tracker import NEVER_MS, Tracker

__all__ = ["VehicleState", "vehicle_state"]


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


def vehicle_state(tracker: Tracker, *, slot: int | None, device_id: int, now_ms: int) -> VehicleState:
    """What the tracker knows of one device.

    Args:
        slot: the device's, None when it is not tracked: then it shows as one without a fix.
        now_ms: its fleet's clock.
    """
    if slot is None or tracker.fix_time_ms[slot] == NEVER_MS:
        return VehicleState(id=device_id, status=Status.UNLOCATED.name.lower())
    one = slice(slot, slot + 1)
    status = vehicle_statuses(
        fix_time_ms=tracker.fix_time_ms[one],
        speed_mps=tracker.speed_mps[one],
        step_m=tracker.step_m[one],
        step_ms=tracker.step_ms[one],
        now_ms=np.array([now_ms]),
    )
    return VehicleState(
        id=device_id,
        status=Status(int(status[0])).name.lower(),
        lat=float(tracker.lat[slot]),
        lon=float(tracker.lon[slot]),
        speed_mps=_known(tracker.speed_mps[slot], digits=2),
        course_deg=_known(tracker.course_deg[slot], digits=1),
        altitude_m=_known(tracker.altitude_m[slot], digits=1),
        accuracy_m=_known(tracker.accuracy_m[slot], digits=1),
        battery_pct=_known(tracker.battery_pct[slot], digits=1),
        fix_time_ms=int(tracker.fix_time_ms[slot]),
        received_ms=int(tracker.received_ms[slot]),
    )


def _known(value: np.float32, *, digits: int) -> float | None:
    """The value in digits that a float32 still holds; None for NaN."""
    return None if math.isnan(value) else round(float(value), digits)
