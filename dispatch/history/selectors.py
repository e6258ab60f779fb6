"""Reading the history.

The functions that take a psycopg connection are for the runtime's own threads; the others use Django's connection.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
import psycopg
from django.db import connection as django_connection
from numpy.typing import NDArray

__all__ = ["NEWEST_DTYPE", "DeviceCounts", "TrackPoint", "device_counts", "newest_fixes", "track_points"]

TRACK_POINTS_MAX: Final = 50_000
"""A fix a second for fourteen hours; the newest are kept."""

NEWEST_DTYPE: Final = np.dtype(
    [("device_id", "<i8"), ("fix_time_ms", "<i8"), ("received_ms", "<i8"), ("lat", "<f8"), ("lon", "<f8")]
    + [(name, "<f4") for name in ("speed_mps", "course_deg", "altitude_m", "accuracy_m", "battery_pct")]
)
"""A stored fix; NaN is unknown."""

_NEWEST_COLUMNS: Final = """
    device_id, (extract(epoch FROM fix_time) * 1000)::bigint, (extract(epoch FROM received_at) * 1000)::bigint, lat,
    lon, coalesce(speed_mps, 'NaN'), coalesce(course_deg, 'NaN'), coalesce(altitude_m, 'NaN'), coalesce(accuracy_m,
    'NaN'), coalesce(battery_pct, 'NaN')
"""
_NEWEST_EVER: Final = f"""
SELECT {_NEWEST_COLUMNS} FROM unnest(%s::int[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT * FROM history_fix WHERE device_id = wanted.id ORDER BY fix_time DESC LIMIT 1) AS newest
"""  # noqa: S608 - made of constants
_NEWEST_SINCE: Final = f"""
SELECT DISTINCT ON (device_id) {_NEWEST_COLUMNS} FROM history_fix
WHERE received_at >= %s AND device_id = ANY(%s::int[]) ORDER BY device_id, fix_time DESC
"""  # noqa: S608 - made of constants
_COUNTS: Final = """
SELECT
    (SELECT count(*) FROM history_fix
     WHERE device_id = %(device_id)s AND fix_time >= %(since)s AND fix_time < %(until)s),
    (SELECT count(*) FROM history_quarantinedfix
     WHERE device_id = %(device_id)s AND fix_time >= %(since)s AND fix_time < %(until)s)
"""


class TrackPoint(NamedTuple):
    """A place on a device's way. ``speed_mps`` is None when unknown."""

    lon: float
    lat: float
    fix_time_ms: int
    speed_mps: float | None


class DeviceCounts(NamedTuple):
    """How many fixes of a device were stored and quarantined."""

    stored: int
    quarantined: int


def track_points(
    device_id: int, *, since: datetime, until: datetime, count_max: int = TRACK_POINTS_MAX
) -> list[TrackPoint]:
    """Where a device was in [since, until) by its own times, oldest first; the newest ``count_max`` of them."""
    with django_connection.cursor() as cursor:
        cursor.execute(
            "SELECT lon, lat, (extract(epoch FROM fix_time) * 1000)::bigint, speed_mps FROM history_fix"
            " WHERE device_id = %s AND fix_time >= %s AND fix_time < %s ORDER BY fix_time DESC LIMIT %s",
            [device_id, since, until, min(count_max, TRACK_POINTS_MAX)],
        )
        return [TrackPoint(*row) for row in reversed(cursor.fetchall())]


def device_counts(device_id: int, *, since: datetime, until: datetime) -> DeviceCounts:
    """How many fixes of [since, until), by the device's own times, were stored and how many quarantined."""
    with django_connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"device_id": device_id, "since": since, "until": until})
        stored, quarantined = cursor.fetchone()
    return DeviceCounts(stored, quarantined)


def newest_fixes(
    connection: psycopg.Connection[Any], *, device_ids: Sequence[int], received_since: datetime | None
) -> NDArray[np.void]:
    """The newest stored fix of each device, for starting the tracker.

    Args:
        connection: any.
        device_ids: whose.
        received_since: only fixes that arrived at or after it (a scan of the newest blocks); None: ever (an index
            look-up a device, newest day first).

    Returns:
        Rows of NEWEST_DTYPE, at most one a device, in no order.
    """
    if received_since is None:
        rows = connection.execute(_NEWEST_EVER, [list(device_ids)]).fetchall()
    else:
        rows = connection.execute(_NEWEST_SINCE, [received_since, list(device_ids)]).fetchall()
    return np.array(rows, NEWEST_DTYPE)
