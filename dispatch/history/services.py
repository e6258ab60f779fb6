"""Forgetting: what is older than the retention goes, by whole days for fixes and row by row for the quarantine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from django.db import connection as django_connection

from dispatch.core.clock import FleetClock
from dispatch.history.models import QuarantinedFix
from dispatch.history.partitions import DAY_MS, drop_partition, existing_days

__all__ = ["Forgotten", "drop_old_fixes"]

_DELETE_ROWS = 10_000
"""Quarantined rows deleted in one transaction, so that none lasts long."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a run dropped: days of fixes, days that a long query held (the next run tries again), quarantined rows."""

    dropped: list[date]
    busy: list[date]
    quarantined_count: int


def drop_old_fixes(
    *, now: datetime, clocks: Sequence[FleetClock], fix_retention: timedelta, quarantine_retention: timedelta
) -> Forgotten:
    """Drop every day of fixes that is out of the retention of all fleets, and old quarantined fixes.

    A fleet whose clock shows another time (a replay) keeps the days around that time; days that are as far ahead of a
    fleet's clock belong to other fleets.

    Args:
        now: the wall clock.
        clocks: the fleets' clocks; the wall clock counts when there are none.
        fix_retention: how long fixes are kept, by the fleet's clock.
        quarantine_retention: how long quarantined fixes are kept, by the wall clock.
    """
    django_connection.ensure_connection()
    connection: psycopg.Connection[Any] = django_connection.connection
    wall_ms = round(now.timestamp() * 1000)
    retention_ms = fix_retention // timedelta(milliseconds=1)
    nows_ms = [clock.now_ms(wall_ms) for clock in clocks or [FleetClock()]]
    dropped: list[date] = []
    busy: list[date] = []
    for day in sorted(existing_days(connection)):
        start_ms = round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
        if any(start_ms + DAY_MS > it - retention_ms and start_ms <= it + retention_ms for it in nows_ms):
            continue
        try:
            drop_partition(connection, day)
            dropped.append(day)
        except psycopg.errors.LockNotAvailable:
            busy.append(day)
    return Forgotten(dropped, busy, _delete_quarantined(before=now - quarantine_retention))


def _delete_quarantined(*, before: datetime) -> int:
    deleted = 0
    while True:
        old = QuarantinedFix.objects.filter(received_at__lt=before).order_by("received_at")
        count, _ = QuarantinedFix.objects.filter(pk__in=old.values("pk")[:_DELETE_ROWS]).delete()
        deleted += count
        if count < _DELETE_ROWS:
            return deleted
