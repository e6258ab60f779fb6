"""Reading tracks, counts, newest fixes and checkpoints."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg

from dispatch.core.fix import Fix, Verdict
from dispatch.core.tracker import STATE_DTYPE
from dispatch.history.checkpoints import load_checkpoint, save_checkpoint
from dispatch.history.selectors import DeviceCounts, TrackPoint, device_counts, newest_fixes, track_points
from dispatch.history.writing import write_batch
from dispatch.tests.history.batches import NOON_MS, batch_of, verdicts_of

NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)
MINUTE = timedelta(minutes=1)

type Connection = psycopg.Connection[Any]


def write(connection: Connection, *fixes: tuple[int, Fix], received_ms: int = NOON_MS) -> None:
    verdicts = verdicts_of(*[Verdict.NULL_ISLAND if fix.lat == 0 else Verdict.ACCEPTED for _, fix in fixes])
    write_batch(connection, batch_of(fixes, received_ms=received_ms), verdicts=verdicts)


def test_a_track_is_in_order_half_open_and_keeps_the_newest_points(history: Connection) -> None:
    write(history, *[(1, Fix(NOON_MS + n * 1_000, 1.0, n / 10, 2.5 if n else None)) for n in range(5)])
    write(history, (2, Fix(NOON_MS, 1.0, 1.0)))
    points = track_points(1, since=NOON, until=NOON + timedelta(seconds=4))
    assert points[0] == TrackPoint(0.0, 1.0, NOON_MS, None)
    assert [point.fix_time_ms - NOON_MS for point in points] == [0, 1_000, 2_000, 3_000]
    newest = track_points(1, since=NOON, until=NOON + MINUTE, count_max=2)
    assert [point.speed_mps for point in newest] == [2.5, 2.5]
    assert [point.fix_time_ms - NOON_MS for point in newest] == [3_000, 4_000]


def test_counts_are_of_stored_and_quarantined_fixes_of_the_period(history: Connection) -> None:
    write(history, (1, Fix(NOON_MS, 1.0, 1.0)), (1, Fix(NOON_MS + 1, 0.0, 0.0)), (1, Fix(NOON_MS - 1, 1.0, 1.0)))
    assert device_counts(1, since=NOON, until=NOON + MINUTE) == DeviceCounts(1, 1)
    assert device_counts(2, since=NOON, until=NOON + MINUTE) == DeviceCounts(0, 0)


def test_the_newest_fix_of_each_device_is_found_over_days_or_among_recent_arrivals(history: Connection) -> None:
    day_ms = 86_400_000
    write(history, (1, Fix(NOON_MS - day_ms, 1.0, 1.0)), (2, Fix(NOON_MS, 2.0, 2.0)), received_ms=NOON_MS - day_ms)
    write(history, (1, Fix(NOON_MS - 2 * day_ms, 3.0, 3.0, 1.5)))
    ever = newest_fixes(history, device_ids=[1, 2, 3], received_since=None)
    assert sorted(zip(ever["device_id"], ever["lat"], strict=True)) == [(1, 1.0), (2, 2.0)]
    recent = newest_fixes(history, device_ids=[1, 2, 3], received_since=NOON - MINUTE)
    assert (recent["device_id"].tolist(), recent["lat"].tolist(), recent["speed_mps"].tolist()) == ([1], [3.0], [1.5])
    assert np.isnan(ever["course_deg"]).all()
    assert recent["received_ms"].tolist() == [NOON_MS]
    assert len(newest_fixes(history, device_ids=[], received_since=None)) == 0


def test_a_checkpoint_comes_back_as_it_was_and_replaces_the_one_before(history: Connection) -> None:
    assert load_checkpoint(history, STATE_DTYPE) is None
    random = np.random.default_rng(7)
    for count in (1_000, 3):
        rows = np.zeros(count, STATE_DTYPE)
        rows["device_id"] = np.arange(1, count + 1)
        rows["lat"] = random.uniform(-90, 90, count)
        rows["speed_mps"] = np.nan
        save_checkpoint(history, rows, saved_at=NOON)
    loaded = load_checkpoint(history, STATE_DTYPE)
    assert loaded is not None
    assert loaded[0].tobytes() == rows.tobytes()
    assert loaded[1] == NOON


def test_a_checkpoint_of_another_version_is_not_read(history: Connection) -> None:
    save_checkpoint(history, np.zeros(3, STATE_DTYPE), saved_at=NOON)
    assert load_checkpoint(history, np.dtype([*STATE_DTYPE.descr, ("new_column", "<f8")])) is None
    history.execute("UPDATE history_checkpointcolumn SET dtype = '<i4' WHERE name = 'lat'")
    assert load_checkpoint(history, STATE_DTYPE) is None
