"""What is old goes; what a fleet's own clock calls recent stays."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import psycopg
from django.core.management import call_command
from django.utils import timezone

from dispatch.core.clock import FleetClock
from dispatch.core.fix import Fix, Verdict
from dispatch.fleet import services
from dispatch.history.models import QuarantinedFix
from dispatch.history.partitions import create_partitions, existing_days
from dispatch.history.services import drop_old_fixes
from dispatch.history.writing import write_batch
from dispatch.ingest.storage import connect
from dispatch.tests.history.batches import NOON_MS, batch_of, verdicts_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEEK = timedelta(days=7)

type Connection = psycopg.Connection[Any]


def drop(clocks: list[FleetClock]) -> list[date]:
    return drop_old_fixes(now=NOW, clocks=clocks, fix_retention=WEEK, quarantine_retention=WEEK).dropped


def test_whole_days_go_when_all_of_them_is_older_than_the_retention(history: Connection) -> None:
    days = [date(2026, 11, day) for day in range(12, 23)]
    create_partitions(history, days)
    assert drop([]) == [date(2026, 11, 12), date(2026, 11, 13), date(2026, 11, 14)]
    assert existing_days(history) == set(days[3:])


def test_a_replay_of_an_old_recording_keeps_the_days_around_its_own_clock(history: Connection) -> None:
    create_partitions(history, [date(2008, 6, 6), date(2008, 7, 6), date(2026, 11, 22), date(2026, 11, 1)])
    replay = FleetClock.anchored(wall_at=NOW, fleet_at=datetime(2008, 6, 7, tzinfo=UTC), speed=120.0)
    assert drop([FleetClock(), replay]) == [date(2008, 7, 6), date(2026, 11, 1)]


def test_a_day_that_a_long_query_reads_is_left_for_the_next_run_and_holds_up_nobody(history: Connection) -> None:
    create_partitions(history, [date(2026, 1, 1)])
    with connect(statement_timeout_s=10) as reading, reading.transaction():
        reading.execute("SELECT count(*) FROM history_fix")
        forgotten = drop_old_fixes(now=NOW, clocks=[], fix_retention=WEEK, quarantine_retention=WEEK)
    assert (forgotten.dropped, forgotten.busy) == ([], [date(2026, 1, 1)])
    assert drop([]) == [date(2026, 1, 1)]


def test_the_command_says_what_it_dropped_and_deletes_old_quarantined_fixes(history: Connection) -> None:
    services.create_fleet("Couriers")
    create_partitions(history, [date(2020, 1, 1), timezone.now().date()])
    old_ms = NOON_MS - 400 * 86_400_000
    batch = batch_of([(1, Fix(old_ms, 0.0, 0.0))], received_ms=old_ms)
    write_batch(history, batch, verdicts=verdicts_of(Verdict.NULL_ISLAND))
    out = StringIO()
    call_command("drop_old_fixes", stdout=out)
    assert out.getvalue().splitlines() == ["dropped fixes of 2020-01-01", "deleted 1 quarantined fixes"]
    assert not QuarantinedFix.objects.exists()
