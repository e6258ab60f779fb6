"""Batches of fixes for tests: rows of (device, time, lat, lon) with everything else unknown unless said."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch.core.fix import FixBatch
from dispatch.core.tracker import Tracker

NAN = float("nan")


class Row(NamedTuple):
    """One fix of a test."""

    device_id: int
    fix_time_ms: int
    lat: float
    lon: float
    accuracy_m: float = NAN
    speed_mps: float = NAN


def batch_of(tracker: Tracker, rows: Sequence[Row]) -> FixBatch:
    """The rows as a batch; received when they were made."""

    def column(values: list[Any], kind: type) -> Any:
        return np.array(values, kind)

    unknown = np.full(len(rows), np.nan, np.float32)
    return FixBatch(
        slot=column([tracker.slot_of(row.device_id) for row in rows], np.int32),
        device_id=column([row.device_id for row in rows], np.int64),
        fix_time_ms=column([row.fix_time_ms for row in rows], np.int64),
        received_ms=column([row.fix_time_ms for row in rows], np.int64),
        lat=column([row.lat for row in rows], np.float64),
        lon=column([row.lon for row in rows], np.float64),
        speed_mps=column([row.speed_mps for row in rows], np.float32),
        course_deg=unknown,
        altitude_m=unknown,
        accuracy_m=column([row.accuracy_m for row in rows], np.float32),
        battery_pct=unknown,
        attributes=[None] * len(rows),
    )


def clock_for(tracker: Tracker, batch: FixBatch, *, now_ms: int | None = None) -> NDArray[np.int64]:
    """The clock for each fix of a batch: ``now_ms``, or the latest time of a fix so far."""
    latest = [*batch.fix_time_ms.tolist(), *tracker.fix_time_ms.tolist()]
    return np.full(len(batch), max(latest) if now_ms is None else now_ms)


def feed(tracker: Tracker, rows: Sequence[Row], *, now_ms: int | None = None) -> list[int]:
    """Assess and apply one batch; the verdicts."""
    batch = batch_of(tracker, rows)
    assessment = tracker.assess(batch, now_ms=clock_for(tracker, batch, now_ms=now_ms))
    tracker.apply(assessment)
    verdicts: list[int] = assessment.verdicts.tolist()
    return verdicts
