"""Recordings: CSV files of fixes in order of time, read one row at a time.

Which column is what is said by a mapping or guessed from the header, never from the values. Columns that mean nothing
to us become attributes of the fix under their own name. Files ending in ``.gz`` are unpacked while reading.
"""

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dispatch.core.fix import Fix
from dispatch.feeding.errors import ColumnsUnclearError, RecordingUnreadableError

__all__ = ["Columns", "RecordedFix", "guess_columns", "parse_mapping", "parse_moment_ms", "read_recording"]

KNOWN_NAMES: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "timestamp", "unix_time", "fix_time", "datetime", "date_time", "utc", "epoch"),
    "device": ("device", "device_id", "vehicle", "vehicle_id", "cab", "taxi", "taxi_id", "bus", "unit", "imei", "id"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "long", "longitude"),
    "speed_mps": ("speed_mps",),
    "course_deg": ("course_deg", "course", "heading", "bearing"),
    "altitude_m": ("altitude_m", "altitude", "alt"),
    "accuracy_m": ("accuracy_m", "accuracy"),
}
"""Header names by field, lower case. A plain ``speed`` has no unit and is therefore an attribute until it is mapped."""
REQUIRED = ("time", "device", "lat", "lon")
MILLISECONDS_FROM = 100_000_000_000
"""Numbers from here on are milliseconds: as seconds they would be after the year 5000."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Indexes of the columns: of each known field, and the rest by name."""

    fields: Mapping[str, int]
    extras: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RecordedFix:
    """One row: whose fix, the fix, and what else the row says."""

    device: str
    time_ms: int
    fix: Fix
    extras: Mapping[str, str]


def parse_mapping(text: str) -> dict[str, str]:
    """``time=unix_time,device=cab`` as a mapping from field to column name.

    Raises:
        ValueError: a part is not FIELD=COLUMN, or the field is not one of ours.
    """
    mapping: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        field, separator, column = part.partition("=")
        if not separator or not column:
            raise ValueError(f"{part!r} is not FIELD=COLUMN")
        if field not in KNOWN_NAMES:
            raise ValueError(f"{field!r} is not a field; fields are {', '.join(KNOWN_NAMES)}")
        mapping[field] = column
    return mapping


def guess_columns(header: tuple[str, ...], mapping: Mapping[str, str]) -> Columns:
    """Which column is what: ``mapping`` where it says, else the one column whose name is known for the field.

    Raises:
        ColumnsUnclearError: a required field has no column or several, or the mapping names a column that is not there.
    """
    names = [name.strip() for name in header]
    taken = set(mapping.values())
    fields: dict[str, int] = {}
    for field, known in KNOWN_NAMES.items():
        if field in mapping:
            candidates = [name for name in names if name == mapping[field]]
        else:
            candidates = [name for name in names if name.lower() in known and name not in taken]
        if len(candidates) == 1:
            fields[field] = names.index(candidates[0])
        elif field in REQUIRED or field in mapping:
            raise ColumnsUnclearError(field=field, header=tuple(names), candidates=tuple(candidates))
    used = set(fields.values())
    return Columns(fields=fields, extras={name: index for index, name in enumerate(names) if index not in used})


def parse_moment_ms(text: str) -> int:
    """A moment in milliseconds since 1970: from seconds or milliseconds, or ISO 8601 (UTC where it names no zone).

    Raises:
        ValueError: neither.
    """
    try:
        number = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    return round(number if number >= MILLISECONDS_FROM else number * 1000)


def read_recording(path: Path, *, mapping: Mapping[str, str] | None = None) -> Iterator[RecordedFix]:
    """The fixes of a file, in its order.

    Args:
        path: ``.csv`` or ``.csv.gz`` with a header line.
        mapping: field to column name, for what the header leaves open.

    Raises:
        OSError: the file cannot be opened.
        ColumnsUnclearError: see :func:`guess_columns`.
        RecordingUnreadableError: a row lacks a column or its numbers are none.
    """
    with path.open("rb") as raw:
        unpacked = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        rows = csv.reader(io.TextIOWrapper(unpacked, encoding="utf-8", newline=""))
        header = next(rows, None)
        if header is None:
            raise RecordingUnreadableError(line=1, reason="the file is empty")
        columns = guess_columns(tuple(header), mapping or {})
        for row in rows:
            try:
                yield _recorded(row, columns)
            except (ValueError, IndexError) as error:
                raise RecordingUnreadableError(line=rows.line_num, reason=str(error)) from error


def _recorded(row: list[str], columns: Columns) -> RecordedFix:
    """One row in fields; an empty optional field is unknown."""
    at = columns.fields

    def optional(field: str) -> float | None:
        index = at.get(field)
        return float(row[index]) if index is not None and row[index] != "" else None

    time_ms = parse_moment_ms(row[at["time"]])
    fix = Fix(
        fix_time_ms=time_ms,
        lat=float(row[at["lat"]]),
        lon=float(row[at["lon"]]),
        speed_mps=optional("speed_mps"),
        course_deg=optional("course_deg"),
        altitude_m=optional("altitude_m"),
        accuracy_m=optional("accuracy_m"),
    )
    extras = {name: row[index] for name, index in columns.extras.items() if row[index] != ""}
    return RecordedFix(device=row[at["device"]], time_ms=time_ms, fix=fix, extras=extras)
