"""One transaction for a batch of judged fixes: the durable half of the group commit.

New fixes go into the log by binary COPY. Late ones go through a staging table and ON CONFLICT DO NOTHING, because
their moment may be stored already; quarantined ones too. If a "new" fix turns out to be stored (a commit whose answer
got lost), the whole batch is written through the staging table. Runs in a thread; no Django, no loop. See
docs/reference/ingest.md.
"""

import logging
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from dispatch.core.fix import FixBatch, Verdict
from dispatch.history.copy_binary import Field, encode_rows, nullable, timestamps
from dispatch.history.partitions import DAY_MS, create_partitions

__all__ = ["write_batch"]

logger = logging.getLogger(__name__)

type Rows = NDArray[np.intp]

_COLUMNS: Final = (
    "device_id, fix_time, received_at, lat, lon, speed_mps, course_deg, altitude_m, accuracy_m, battery_pct"
)
_REASONS: Final = [verdict.name.lower() for verdict in Verdict]

_CREATE_STAGING: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_fix (
    row_index integer NOT NULL, verdict smallint NOT NULL,
    device_id integer NOT NULL, fix_time timestamptz NOT NULL, received_at timestamptz NOT NULL,
    lat double precision, lon double precision,
    speed_mps real, course_deg real, altitude_m real, accuracy_m real, battery_pct real, attributes jsonb
) ON COMMIT DELETE ROWS
"""
_STORE_STAGED: Final = f"""
INSERT INTO history_fix ({_COLUMNS}, is_late, attributes)
SELECT {_COLUMNS}, verdict = {Verdict.LATE:d}, attributes
FROM staged_fix WHERE verdict <= {Verdict.LATE:d} ORDER BY row_index
ON CONFLICT DO NOTHING RETURNING device_id, (extract(epoch FROM fix_time) * 1000)::bigint
"""  # noqa: S608 - made of constants
_QUARANTINE_STAGED: Final = f"""
INSERT INTO history_quarantinedfix ({_COLUMNS}, reason, attributes)
SELECT {_COLUMNS}, (%s::text[])[verdict + 1], attributes
FROM staged_fix WHERE verdict > {Verdict.LATE:d} ORDER BY row_index
ON CONFLICT DO NOTHING
"""  # noqa: S608 - made of constants


def write_batch(connection: psycopg.Connection[Any], batch: FixBatch, *, verdicts: NDArray[np.uint8]) -> Rows:
    """Make a batch durable. Commits, or changes nothing.

    Args:
        connection: in autocommit mode, used by nobody else.
        batch: n fixes; optional values are finite and in range, or NaN.
        verdicts: uint8 (n).

    Returns:
        The rows that were judged new or late but whose moment was stored already, ascending.

    Raises:
        psycopg.Error: the batch is not durable, as far as is known; OperationalError when the database is away.
    """
    attempt = _Attempt(connection, batch, verdicts)
    has_partitions = False
    while True:
        try:
            return attempt.run()
        except psycopg.errors.UniqueViolation:
            if attempt.is_all_staged:
                raise
            attempt.is_all_staged = True
        except psycopg.errors.CheckViolation:
            # No partition: the day's first fix, or somebody dropped old days meanwhile.
            if has_partitions:
                raise
            create_partitions(connection, _days_of(batch, verdicts))
            has_partitions = True
        except psycopg.DataError:
            # Numbers are checked, so it is the attributes. A decoder let through what jsonb does not take: a bug, but
            # no reason to refuse these fixes forever.
            if attempt.is_without_attributes:
                raise
            logger.exception("Attributes that the database does not take are left out of a batch of %d.", len(batch))
            attempt.is_without_attributes = True


def _days_of(batch: FixBatch, verdicts: NDArray[np.uint8]) -> set[date]:
    days = np.unique(batch.fix_time_ms[verdicts <= Verdict.LATE] // DAY_MS)
    return {datetime.fromtimestamp(day * DAY_MS / 1000, UTC).date() for day in days.tolist()}


class _Attempt:
    """A batch and the ways to write it.

    Attributes:
        is_all_staged: go through the staging table also for what should be new.
        is_without_attributes: leave them out.
    """

    def __init__(self, connection: psycopg.Connection[Any], batch: FixBatch, verdicts: NDArray[np.uint8]) -> None:
        self.connection = connection
        self.batch = batch
        self.verdicts = verdicts
        self.is_all_staged = False
        self.is_without_attributes = False

    def run(self) -> Rows:
        """One transaction. Returns the staged rows judged storable that were stored already."""
        is_new = (self.verdicts == Verdict.ACCEPTED) & (not self.is_all_staged)
        accepted = np.flatnonzero(is_new)
        staged = np.flatnonzero(~is_new & (self.verdicts != Verdict.DUPLICATE))
        if not len(accepted) and not len(staged):
            return accepted
        with self.connection.transaction(), self.connection.cursor() as cursor:
            if len(accepted):
                is_late = Field(np.zeros(len(accepted), ">i1"))
                self._copy(
                    cursor,
                    f"history_fix ({_COLUMNS}, is_late, attributes)",
                    [*self._fields(accepted), is_late],
                    accepted,
                )
            if not len(staged):
                return staged
            cursor.execute(_CREATE_STAGING)
            leading = [Field(staged.astype(">i4")), Field(self.verdicts[staged].astype(">i2"))]
            table = f"staged_fix (row_index, verdict, {_COLUMNS}, attributes)"
            self._copy(cursor, table, [*leading, *self._fields(staged)], staged)
            storable = staged[self.verdicts[staged] <= Verdict.LATE]
            if len(storable) < len(staged):
                cursor.execute(_QUARANTINE_STAGED, [_REASONS])
            if not len(storable):
                return storable
            stored = set(cursor.execute(_STORE_STAGED).fetchall())
        return self._repeated(storable, stored)

    def _repeated(self, storable: Rows, stored: set[tuple[int, int]]) -> Rows:
        """Which rows are not the one that was stored of their moment."""
        keys = zip(self.batch.device_id[storable].tolist(), self.batch.fix_time_ms[storable].tolist(), strict=True)
        repeated = []
        for row, key in zip(storable.tolist(), keys, strict=True):
            if key in stored:
                stored.remove(key)  # a second row of the same moment was not stored
            else:
                repeated.append(row)
        return np.array(repeated, np.intp)

    def _fields(self, rows: Rows) -> list[Field]:
        batch = self.batch
        return [
            Field(batch.device_id[rows].astype(">i4")),
            timestamps(batch.fix_time_ms[rows]),
            timestamps(batch.received_ms[rows]),
            *(nullable(column[rows]) for column in (batch.lat, batch.lon, batch.speed_mps, batch.course_deg)),
            *(nullable(column[rows]) for column in (batch.altitude_m, batch.accuracy_m, batch.battery_pct)),
        ]

    def _copy(self, cursor: psycopg.Cursor[Any], table: str, fields: list[Field], rows: Rows) -> None:
        none = self.is_without_attributes
        attributes = [None if none else self.batch.attributes[row] for row in rows.tolist()]
        with cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(encode_rows(fields, jsonb=attributes))
