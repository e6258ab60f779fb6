"""When a fix was made: the notations of devices, and the repair of receivers whose GPS week counter rolled over.

Rules and their worked table: docs/reference/ingest.md.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.core.errors import Undecodable

__all__ = ["FIX_TIME_MS_MAX", "GPS_ROLLOVER_MS", "parse_time_ms", "repair_week_rollover"]

FIX_TIME_MS_MAX: Final = 253_402_214_399_000
"""The end of 30 December 9999: the last day that has a next one in the calendar, which bounds its partition. What lies
outside of 1970 to here is cut to it, and then quarantined for its time."""

GPS_ROLLOVER_MS: Final = 1_024 * 7 * 86_400_000
"""GPS counts weeks in ten bits; a receiver that does not know of a rollover is 1,024 weeks behind."""

_SECONDS_BELOW: Final = 2**31
"""A smaller number is seconds, a larger one milliseconds: 2^31 s is the year 2038, 2^31 ms is January 1970."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOST_PLUS: Final = re.compile(r" (?=\d{2}:?\d{2}$)")
"""The blank that a "+" in an offset becomes when a query is decoded."""


def parse_time_ms(value: object) -> int | None:
    """A device's timestamp in milliseconds since 1970 UTC.

    Args:
        value: a number, or text: digits, ISO 8601 with T, or ``yyyy-MM-dd HH:mm:ss``. Without an offset it is UTC.

    Returns:
        None when there is none (absent, empty); times before 1970 and after 9999 are cut to those.

    Raises:
        Undecodable: it is something else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise Undecodable("bad_timestamp")
    if isinstance(value, int | float):
        return _of_number(value)
    if not isinstance(value, str):
        raise Undecodable("bad_timestamp")
    text = value.strip()
    try:
        if text[4:5] == "-" or "T" in text:
            return _of_moment(datetime.fromisoformat(_LOST_PLUS.sub("+", text) if "T" in text else text))
        return _of_number(float(text))
    except (ValueError, OverflowError) as problem:
        raise Undecodable("bad_timestamp") from problem


def _of_number(number: float) -> int:
    """Of a number of any size; a whole one (int) may be too large for a float, so it is not made one."""
    if number != number:  # noqa: PLR0124 - NaN
        raise Undecodable("bad_timestamp")
    milliseconds = number * 1000 if number < _SECONDS_BELOW else number
    return round(min(max(milliseconds, 0), FIX_TIME_MS_MAX))


def _of_moment(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((aware - _EPOCH) // timedelta(milliseconds=1), 0), FIX_TIME_MS_MAX)


def repair_week_rollover(
    fix_time_ms: NDArray[np.int64], *, now_ms: NDArray[np.int64], past_ms: int, future_ms: int
) -> NDArray[np.int64]:
    """Move times that are too old by 1,024 or 2,048 weeks ahead, where that makes them believable.

    Args:
        fix_time_ms: (n) as devices said.
        now_ms: (n) what each fleet's clock says.
        past_ms, future_ms: how far from the clock a fix is believed.

    Returns:
        (n) the same array when nothing was to repair.
    """
    old = np.flatnonzero(fix_time_ms < now_ms - past_ms)
    if not len(old):
        return fix_time_ms
    repaired = fix_time_ms.copy()
    for rollovers in (1, 2):
        moved = fix_time_ms[old] + rollovers * GPS_ROLLOVER_MS
        fits = (moved >= now_ms[old] - past_ms) & (moved <= now_ms[old] + future_ms)
        repaired[old[fits]] = moved[fits]
    return repaired
