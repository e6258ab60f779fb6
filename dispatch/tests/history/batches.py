"""Batches of fixes for tests of the history."""

from collections.abc import Sequence

import numpy as np

from dispatch.core.fix import Fix, FixBatch, Verdict

DAY_MS = 86_400_000
NOON_MS = 1_790_000_000_000 // DAY_MS * DAY_MS + DAY_MS // 2


def batch_of(fixes: Sequence[tuple[int, Fix]], *, received_ms: int = NOON_MS) -> FixBatch:
    """Pairs of device and fix as a batch that arrived at one moment."""
    n = len(fixes)

    def column(name: str, kind: type) -> np.ndarray:
        return np.array([getattr(fix, name) for _, fix in fixes], np.float64).astype(kind)

    return FixBatch(
        slot=np.arange(n, dtype=np.int32),
        device_id=np.array([device_id for device_id, _ in fixes], np.int64),
        fix_time_ms=np.array([fix.fix_time_ms for _, fix in fixes], np.int64),
        received_ms=np.full(n, received_ms, np.int64),
        lat=column("lat", np.float64),
        lon=column("lon", np.float64),
        speed_mps=column("speed_mps", np.float32),
        course_deg=column("course_deg", np.float32),
        altitude_m=column("altitude_m", np.float32),
        accuracy_m=column("accuracy_m", np.float32),
        battery_pct=column("battery_pct", np.float32),
        attributes=[fix.attributes for _, fix in fixes],
    )


def verdicts_of(*verdicts: Verdict) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """Verdicts as a column."""
    return np.array(verdicts, np.uint8)
