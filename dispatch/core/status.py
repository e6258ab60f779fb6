"""What a vehicle is doing, from its newest fix and its fleet's clock.

Pure and vectorised. Left out: alerts (value 4 is reserved for them).
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.core.judging import NEVER_MS

__all__ = ["OFFLINE_AFTER_MS", "STATUS_COUNT", "Status", "status_counts", "vehicle_statuses"]


class Status(IntEnum):
    """Status of a vehicle; the values are those of the tile frames, the names in lower case the words of the API."""

    UNLOCATED = 0
    """No fix was ever accepted."""
    MOVING = 1
    IDLE = 2
    """Reporting, not moving."""
    OFFLINE = 3
    """The newest fix is further than OFFLINE_AFTER_MS from the fleet's clock (ahead of it: the clock was set back)."""
    ALERT = 4
    """Reserved."""


STATUS_COUNT: Final = len(Status)

OFFLINE_AFTER_MS: Final = 300_000
"""Five minutes: a few missed reports of a tracker that reports each minute."""

_MOVING_MPS: Final = 1.0
"""Below a walking pace a GPS speed is noise."""
_MOVING_STEP_M: Final = 25.0
"""A displacement below the usual accuracy radius is noise, whatever speed it works out to."""


def vehicle_statuses(
    *,
    fix_time_ms: NDArray[np.int64],
    speed_mps: NDArray[np.float32],
    step_m: NDArray[np.float32],
    step_ms: NDArray[np.float64],
    now_ms: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """Status of each of n vehicles: uint8 (n), values of :class:`Status`.

    Args:
        fix_time_ms: newest accepted fix, NEVER_MS for none.
        speed_mps: as reported, NaN when unknown.
        step_m, step_ms: way and time from the fix before; they decide where the speed is unknown. NaN when there was
        none.
        now_ms: each vehicle's fleet's clock.
    """
    displaced = (step_m >= _MOVING_STEP_M) & (step_m * 1000.0 >= _MOVING_MPS * step_ms)
    moves = (speed_mps >= _MOVING_MPS) | (np.isnan(speed_mps) & displaced)
    found = np.where(moves, np.uint8(Status.MOVING), np.uint8(Status.IDLE))
    found[np.abs(now_ms - fix_time_ms) > OFFLINE_AFTER_MS] = Status.OFFLINE
    found[fix_time_ms == NEVER_MS] = Status.UNLOCATED
    return found


def status_counts(status: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many vehicles have each status: int64 (STATUS_COUNT)."""
    return np.bincount(status, minlength=STATUS_COUNT)
