"""Writing batches: what is stored, what was stored already, what is quarantined."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.core.fix import Fix, Verdict
from dispatch.history.models import QuarantinedFix, StoredFix
from dispatch.history.partitions import drop_partition, existing_days
from dispatch.history.writing import write_batch
from dispatch.ingest.storage import connect
from dispatch.tests.history.batches import DAY_MS, NOON_MS, batch_of, verdicts_of

ACCEPTED, LATE = Verdict.ACCEPTED, Verdict.LATE

type Connection = psycopg.Connection[Any]


def test_a_fix_is_stored_with_every_field_and_unknown_is_null(history: Connection) -> None:
    full = Fix(NOON_MS + 123, 52.5, -13.25, 1.5, 359.5, -3.25, 4.0, 77.5, b'{"event":"motion"}')
    bare = Fix(NOON_MS, -90.0, 180.0)
    write_batch(history, batch_of([(7, full), (8, bare)]), verdicts=verdicts_of(ACCEPTED, ACCEPTED))
    first, second = StoredFix.objects.order_by("device_id")
    assert (first.device_id, round(first.fix_time.timestamp() * 1000)) == (7, NOON_MS + 123)
    assert (first.lat, first.lon, first.speed_mps, first.course_deg) == (52.5, -13.25, 1.5, 359.5)
    assert (first.altitude_m, first.accuracy_m, first.battery_pct) == (-3.25, 4.0, 77.5)
    assert (first.is_late, first.attributes) == (False, {"event": "motion"})
    assert round(first.received_at.timestamp() * 1000) == NOON_MS
    assert (second.lat, second.lon, second.speed_mps, second.attributes) == (-90.0, 180.0, None, None)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.floats(-90, 90),
            st.floats(-180, 180),
            *[st.none() | st.floats(0, 100, width=32)] * 5,
            st.none() | st.dictionaries(st.text("abc", min_size=1), st.integers(-5, 5), min_size=1),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_what_goes_in_by_binary_copy_comes_out_equal(history: Connection, rows: list[tuple[Any, ...]]) -> None:
    history.execute("TRUNCATE history_fix")
    fixes = []
    for index, (*fields, attributes) in enumerate(rows):
        fix = Fix(NOON_MS, *fields)
        fix.attributes = None if attributes is None else json.dumps(attributes).encode()
        fixes.append((index + 1, fix))
    write_batch(history, batch_of(fixes), verdicts=verdicts_of(*[ACCEPTED] * len(fixes)))
    stored = history.execute(
        "SELECT lat, lon, speed_mps::float8, course_deg::float8, altitude_m::float8, accuracy_m::float8,"
        " battery_pct::float8, attributes FROM history_fix ORDER BY device_id"
    ).fetchall()
    assert stored == rows


def test_a_late_fix_repairs_the_history_and_a_stored_moment_is_told_as_repeated(history: Connection) -> None:
    write_batch(history, batch_of([(1, Fix(NOON_MS, 1.0, 1.0))]), verdicts=verdicts_of(ACCEPTED))
    late = [Fix(NOON_MS - 5_000, 1.0, 1.0), Fix(NOON_MS, 2.0, 2.0), Fix(NOON_MS - 5_000, 3.0, 3.0)]
    repeated = write_batch(history, batch_of([(1, fix) for fix in late]), verdicts=verdicts_of(LATE, LATE, LATE))
    assert repeated.tolist() == [1, 2]
    assert list(StoredFix.objects.order_by("fix_time").values_list("lat", "is_late")) == [(1.0, True), (1.0, False)]


def test_a_commit_whose_answer_was_lost_is_survived_when_the_batch_comes_again(history: Connection) -> None:
    """The connection broke after COMMIT: devices were refused and send everything again, and the tracker, which never
    heard of it, calls it new. COPY alone would fail on the unique key, now and forever."""
    fixes = [(device_id, Fix(NOON_MS, 1.0, 1.0)) for device_id in range(1, 6)]
    write_batch(history, batch_of(fixes), verdicts=verdicts_of(*[ACCEPTED] * 5))
    again = [*fixes, (6, Fix(NOON_MS, 1.0, 1.0)), (1, Fix(NOON_MS - 1_000, 1.0, 1.0))]
    repeated = write_batch(history, batch_of(again), verdicts=verdicts_of(*[ACCEPTED] * 6, LATE))
    assert repeated.tolist() == [0, 1, 2, 3, 4]
    assert StoredFix.objects.count() == 7


def test_quarantined_fixes_are_kept_as_they_came_once(history: Connection) -> None:
    fixes = [
        (1, Fix(NOON_MS, 0.0, 0.0)),
        (1, Fix(NOON_MS, float("inf"), 200.0)),
        (1, Fix(NOON_MS, None, None, attributes=b'{"cells":["257,02,16,2224"]}')),
    ]
    verdicts = verdicts_of(Verdict.NULL_ISLAND, Verdict.OUT_OF_RANGE, Verdict.NO_POSITION)
    for _ in range(2):
        assert write_batch(history, batch_of(fixes), verdicts=verdicts).tolist() == []
    rows = QuarantinedFix.objects.order_by("id").values_list("reason", "lat", "attributes")
    assert list(rows) == [
        ("null_island", 0.0, None),
        ("out_of_range", float("inf"), None),
        ("no_position", None, {"cells": ["257,02,16,2224"]}),
    ]
    assert not StoredFix.objects.exists()


def test_duplicates_are_written_nowhere(history: Connection) -> None:
    write_batch(history, batch_of([(1, Fix(NOON_MS, 1.0, 1.0))]), verdicts=verdicts_of(Verdict.DUPLICATE))
    assert not StoredFix.objects.exists()
    assert not QuarantinedFix.objects.exists()


def test_days_get_their_partitions_on_demand_and_again_after_they_were_dropped(history: Connection) -> None:
    fixes = [(1, Fix(NOON_MS + day * DAY_MS, 1.0, 1.0)) for day in range(3)]
    write_batch(history, batch_of(fixes), verdicts=verdicts_of(ACCEPTED, ACCEPTED, LATE))
    days = existing_days(history)
    assert len(days) == 3
    drop_partition(history, min(days))
    write_batch(history, batch_of(fixes), verdicts=verdicts_of(ACCEPTED, ACCEPTED, LATE))
    assert existing_days(history) == days
    assert StoredFix.objects.count() == 3


def test_several_processes_that_meet_a_new_day_at_once_all_succeed(history: Connection) -> None:
    def write(device_id: int) -> int:
        with connect(statement_timeout_s=10) as connection:
            fixes = [(device_id, Fix(NOON_MS + day * DAY_MS, 1.0, 1.0)) for day in range(4)]
            return len(write_batch(connection, batch_of(fixes), verdicts=verdicts_of(*[ACCEPTED] * 4)))

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(write, range(1, 7))) == [0] * 6
    assert StoredFix.objects.count() == 24


def test_attributes_that_jsonb_does_not_take_cost_themselves_and_not_the_batch(
    history: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    fixes = [(1, Fix(NOON_MS, 1.0, 1.0, attributes=b'{"a":"\\u0000"}')), (2, Fix(NOON_MS, 1.0, 1.0))]
    with caplog.at_level(logging.ERROR):
        write_batch(history, batch_of(fixes), verdicts=verdicts_of(ACCEPTED, ACCEPTED))
    assert list(StoredFix.objects.values_list("attributes", flat=True)) == [None, None]
    assert "Attributes" in caplog.text


@pytest.mark.parametrize(
    "fields", [{"lat": 90.5}, {"lon": -180.5}, {"speed_mps": -1.0}, {"course_deg": 400.0}, {"battery_pct": 101.0}]
)
def test_the_database_itself_refuses_impossible_values(history: Connection, fields: dict[str, float]) -> None:
    fix = Fix(NOON_MS, 1.0, 1.0)
    for name, value in fields.items():
        setattr(fix, name, value)
    with pytest.raises(psycopg.errors.CheckViolation):
        write_batch(history, batch_of([(1, fix)]), verdicts=verdicts_of(ACCEPTED))
    assert not StoredFix.objects.exists()
