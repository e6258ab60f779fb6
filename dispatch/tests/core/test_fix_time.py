"""Times as devices write them, the GPS week rollover, and the clock of a fleet."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.clock import FleetClock
from dispatch.core.errors import Undecodable
from dispatch.core.fix_time import FIX_TIME_MS_MAX, GPS_ROLLOVER_MS, parse_time_ms, repair_week_rollover

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("value", "expected_ms"),
    [
        (None, None),
        ("", None),
        ("1377177267", 1377177267000),
        (1377177267, 1377177267000),
        (1377177267.5, 1377177267500),
        ("1442068686579", 1442068686579),
        ("2147483647", 2147483647000),
        ("2147483648", 2147483648),
        ("2016-01-27T18:55:47Z", 1453920947000),
        ("2016-01-27T18:55:47", 1453920947000),
        ("2016-01-27T20:55:47+02:00", 1453920947000),
        ("2016-01-27T20:55:47 02:00", 1453920947000),  # a "+" that a query decoder took for a blank
        ("2016-01-27T11:55:47-0700", 1453920947000),
        ("2016-01-27 18:55:47", 1453920947000),
        ("2025-06-15T13:45:12.862999Z", 1749995112862),
        ("1900-01-01T00:00:00Z", 0),
        (-5, 0),
        ("99999999999999999999", FIX_TIME_MS_MAX),
        ("1e400", FIX_TIME_MS_MAX),
        (10**400, FIX_TIME_MS_MAX),  # too large for a float: one such number made a server error of a whole message
        (-(10**400), 0),
        ("0001-01-01T00:00:00+14:00", 0),
    ],
)
def test_every_notation_is_read_as_utc_milliseconds(value: object, expected_ms: int | None) -> None:
    assert parse_time_ms(value) == expected_ms


@pytest.mark.parametrize("value", ["soon", "NaN", float("nan"), True, [], {}, "2016-13-01T00:00:00Z", "12:00"])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(Undecodable):
        parse_time_ms(value)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none()))
def test_any_value_is_read_into_range_or_refused(value: object) -> None:
    try:
        at_ms = parse_time_ms(value)
    except Undecodable:
        return
    assert at_ms is None or 0 <= at_ms <= FIX_TIME_MS_MAX


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_iso_times_come_back_as_they_were_written(moment: datetime) -> None:
    assert parse_time_ms(moment.isoformat()) == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@pytest.mark.parametrize("rollovers", [1, 2])
def test_a_receiver_that_missed_rollovers_is_repaired(rollovers: int) -> None:
    now_ms = 1_790_000_000_000
    true_ms = np.array([now_ms - 5_000, now_ms - 3 * DAY_MS], np.int64)
    said_ms = true_ms - rollovers * GPS_ROLLOVER_MS
    repaired = repair_week_rollover(
        said_ms, now_ms=np.full(2, now_ms, np.int64), past_ms=30 * DAY_MS, future_ms=300_000
    )
    assert repaired.tolist() == true_ms.tolist()


def test_times_that_no_rollover_explains_stay_as_they_are() -> None:
    now_ms = np.full(3, 1_790_000_000_000, np.int64)
    said_ms = np.array([now_ms[0] - 40 * DAY_MS, now_ms[0], now_ms[0] + DAY_MS], np.int64)
    repaired = repair_week_rollover(said_ms, now_ms=now_ms, past_ms=30 * DAY_MS, future_ms=300_000)
    assert repaired.tolist() == said_ms.tolist()


def test_a_fleets_clock_runs_from_its_anchor_at_its_speed() -> None:
    wall_at = datetime(2026, 1, 1, tzinfo=UTC)
    fleet_at = datetime(2008, 6, 6, tzinfo=UTC)
    clock = FleetClock.anchored(wall_at=wall_at, fleet_at=fleet_at, speed=120.0)
    after_a_minute_ms = round((wall_at + timedelta(minutes=1)).timestamp() * 1000)
    assert clock.now_ms(after_a_minute_ms) == round((fleet_at + timedelta(hours=2)).timestamp() * 1000)
    assert FleetClock().now_ms(123) == 123
