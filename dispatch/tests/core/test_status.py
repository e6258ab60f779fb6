"""Statuses from fixes and clocks."""

import numpy as np
import pytest

from dispatch.core.status import OFFLINE_AFTER_MS, Status, status_counts, vehicle_statuses
from dispatch.core.tracker import NEVER_MS

NAN = float("nan")


@pytest.mark.parametrize(
    ("fix_time_ms", "speed_mps", "step_m", "step_ms", "expected"),
    [
        (NEVER_MS, NAN, NAN, NAN, Status.UNLOCATED),
        (0, 1.0, NAN, NAN, Status.MOVING),
        (0, 0.99, 500.0, 10_000.0, Status.IDLE),
        (0, NAN, NAN, NAN, Status.IDLE),
        (0, NAN, 25.0, 25_000.0, Status.MOVING),
        (0, NAN, 24.9, 1_000.0, Status.IDLE),
        (0, NAN, 25.0, 25_001.0, Status.IDLE),
        (-OFFLINE_AFTER_MS, 20.0, NAN, NAN, Status.MOVING),
        (-OFFLINE_AFTER_MS - 1, 20.0, NAN, NAN, Status.OFFLINE),
        (60_000, 0.0, NAN, NAN, Status.IDLE),
        (OFFLINE_AFTER_MS + 1, 20.0, NAN, NAN, Status.OFFLINE),
    ],
)
def test_a_status_follows_from_the_newest_fix_and_the_clock(
    fix_time_ms: int, speed_mps: float, step_m: float, step_ms: float, expected: Status
) -> None:
    found = vehicle_statuses(
        fix_time_ms=np.array([fix_time_ms]),
        speed_mps=np.array([speed_mps], np.float32),
        step_m=np.array([step_m], np.float32),
        step_ms=np.array([step_ms]),
        now_ms=np.array([0]),
    )

    assert found.tolist() == [expected]


def test_counts_name_every_status() -> None:
    assert status_counts(np.array([1, 1, 3], np.uint8)).tolist() == [0, 2, 0, 1, 0]
    assert status_counts(np.zeros(0, np.uint8)).tolist() == [0, 0, 0, 0, 0]
