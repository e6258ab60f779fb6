"""A position fix, alone and in columns.

A fix is what a tracker says of where it was at a moment. It is decoded at the edge into :class:`Fix` (SI units, unknown
is ``None``) and judged, stored and shown in columns, :class:`FixBatch` (unknown is NaN). Protocols live in
``dispatch.core.decode_*``.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fix", "FixBatch", "Verdict"]


class Verdict(IntEnum):
    """What was decided about a fix. The names, in lower case, are the words of the wire and of the quarantine table."""

    ACCEPTED = 0
    LATE = 1
    """Older than the newest accepted fix: repairs history, never moves the live marker."""
    DUPLICATE = 2
    """Same device and fix time as one that is stored: acknowledged, not stored again."""
    NULL_ISLAND = 3
    """Latitude and longitude are both zero, which trackers send for "no position"."""
    OUT_OF_RANGE = 4
    """Latitude beyond 90 degrees, longitude beyond 180, or not finite."""
    IN_FUTURE = 5
    """Further ahead of the fleet's clock than clock skew explains."""
    TOO_OLD = 6
    """Further behind the fleet's clock than a device's memory reaches."""
    IMPOSSIBLE_JUMP = 7
    """No vehicle gets there from its last accepted fix in that time, and no second fix confirms it."""
    NO_POSITION = 8
    """A message without coordinates (cells or Wi-Fi only)."""

    @property
    def is_stored(self) -> bool:
        """Whether the fix becomes a row of the history."""
        return self <= Verdict.LATE

    @property
    def is_quarantined(self) -> bool:
        """Whether the fix becomes a row of the quarantine, with this verdict as its reason."""
        return self >= Verdict.NULL_ISLAND


@dataclass(slots=True)
class Fix:
    """One decoded fix. ``None`` is unknown, which is not zero.

    Attributes:
        fix_time_ms: when the device was there, milliseconds since 1970 UTC; None when it did not say (then
            the time of arrival counts).
        lat, lon: WGS 84 degrees; None when the message carries no coordinates.
        speed_mps, course_deg, altitude_m, accuracy_m, battery_pct: SI units, degrees clockwise from north, percent.
        attributes: everything else the message said, as compact JSON; None when nothing.
    """

    fix_time_ms: int | None
    lat: float | None
    lon: float | None
    speed_mps: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    accuracy_m: float | None = None
    battery_pct: float | None = None
    attributes: bytes | None = None


@dataclass(slots=True)
class FixBatch:
    """Fixes in columns, all of the same length n, in order of arrival. NaN is unknown.

    Attributes:
        slot: int32, the device's row in the tracker.
        device_id: int64, the device's primary key.
        fix_time_ms, received_ms: int64, milliseconds since 1970 UTC.
        lat, lon: float64 degrees (NaN: the message had none).
        speed_mps, course_deg, altitude_m, accuracy_m, battery_pct: float32.
        attributes: n entries of compact JSON or None.
    """

    slot: NDArray[np.int32]
    device_id: NDArray[np.int64]
    fix_time_ms: NDArray[np.int64]
    received_ms: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    speed_mps: NDArray[np.float32]
    course_deg: NDArray[np.float32]
    altitude_m: NDArray[np.float32]
    accuracy_m: NDArray[np.float32]
    battery_pct: NDArray[np.float32]
    attributes: list[bytes | None]

    def __len__(self) -> int:
        return len(self.slot)
