"""From a list of submitted fixes to columns: one conversion a column and batch, and the last line of defence of the
database.

Whatever a decoder let through, optional values out here are in range or NaN; PostgreSQL's CHECKs thus never refuse a
batch because of one device's nonsense.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.core.fix import Fix, FixBatch, Verdict
from dispatch.core.fix_time import FIX_TIME_MS_MAX
from dispatch.ingest.errors import Refusal
from dispatch.ingest.registry import DeviceEntry

__all__ = ["Outcome", "Submitted", "gather"]

type Outcome = Verdict | Refusal
"""What a device is told about a fix: how it was judged, which means that it is durable, or why it was refused."""

_NO_TIME: Final = -1


class Submitted(NamedTuple):
    """A fix on its way. ``done`` is called once, on the loop; it must not raise."""

    device: DeviceEntry
    fix: Fix
    received_ms: int
    done: Callable[[Outcome], None]


def gather(
    rows: list[Submitted], *, now_ms: Callable[[NDArray[np.int32], NDArray[np.int64]], NDArray[np.int64]]
) -> tuple[FixBatch, NDArray[np.int32], NDArray[np.int64]]:
    """Columns of n fixes of devices that have a slot.

    Args:
        rows: in order of arrival.
        now_ms: (fleet index, wall ms) -> the fleets' clocks; a fix without a time was made when it arrived.

    Returns:
        The batch, each row's fleet index and what its fleet's clock said when it arrived.
    """
    devices = [row.device for row in rows]
    fixes = [row.fix for row in rows]
    received_ms = np.array([row.received_ms for row in rows], np.int64)
    fleet_index = np.array([device.fleet_index for device in devices], np.int32)
    clock_ms = now_ms(fleet_index, received_ms)
    times = np.array([_NO_TIME if fix.fix_time_ms is None else fix.fix_time_ms for fix in fixes], np.int64)
    batch = FixBatch(
        slot=np.array([device.slot for device in devices], np.int32),
        device_id=np.array([device.device_id for device in devices], np.int64),
        fix_time_ms=np.clip(np.where(times == _NO_TIME, clock_ms, times), 0, FIX_TIME_MS_MAX),
        received_ms=received_ms,
        lat=np.array([fix.lat for fix in fixes], np.float64),
        lon=np.array([fix.lon for fix in fixes], np.float64),
        speed_mps=_column([fix.speed_mps for fix in fixes], 0.0, 1e5),
        course_deg=_column([fix.course_deg for fix in fixes], 0.0, 360.0),
        altitude_m=_column([fix.altitude_m for fix in fixes], -1e5, 1e5),
        accuracy_m=_column([fix.accuracy_m for fix in fixes], 0.0, 1e8),
        battery_pct=_column([fix.battery_pct for fix in fixes], 0.0, 100.0),
        attributes=[fix.attributes for fix in fixes],
    )
    return batch, fleet_index, clock_ms


def _column(values: list[float | None], low: float, high: float) -> NDArray[np.float32]:
    column = np.array(values, np.float64)  # None becomes NaN
    column[~((column >= low) & (column <= high))] = np.nan
    return column.astype(np.float32)
