"""The daily partitions of the fix log: named history_fix_YYYYMMDD, made on demand, dropped when no fleet needs them.

Takes plain psycopg connections, because the group commit has its own. Several processes may do this at once.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from psycopg import Connection, sql

__all__ = ["DAY_MS", "create_partitions", "drop_partition", "existing_days"]

DAY_MS: Final = 86_400_000

_LOCK_KEY: Final = 0x766F6C61_66697800
"""Advisory lock that serialises the making and dropping of partitions between processes."""

_DROP_LOCK_TIMEOUT: Final = "1s"


def create_partitions(connection: Connection[Any], days: Iterable[date]) -> None:
    """Make the partitions of ``days`` that do not exist. Commits.

    The table is made by itself and then attached: that takes a weaker lock on the log than CREATE TABLE ... PARTITION
    OF, so readers and writers of other days go on.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
        for day in sorted(set(days) - existing_days(connection)):
            partition = sql.Identifier(_name_of(day))
            lower, upper = (datetime(d.year, d.month, d.day, tzinfo=UTC) for d in (day, day + timedelta(days=1)))
            connection.execute(
                sql.SQL("CREATE TABLE {} (LIKE history_fix INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(partition)
            )
            connection.execute(
                sql.SQL("ALTER TABLE history_fix ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                    partition, sql.Literal(lower), sql.Literal(upper)
                )
            )


def existing_days(connection: Connection[Any]) -> set[date]:
    """The UTC days that have a partition."""
    rows = connection.execute(
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
        " WHERE inhparent = 'history_fix'::regclass"
    ).fetchall()
    return {datetime.strptime(row[0], "history_fix_%Y%m%d").replace(tzinfo=UTC).date() for row in rows}


def drop_partition(connection: Connection[Any], day: date) -> None:
    """Drop a day of fixes. Commits. Writers of that day make it again.

    Raises:
        psycopg.errors.LockNotAvailable: a long query reads the log. Waiting on would stop all writers behind us.
    """
    with connection.transaction():
        connection.execute("SELECT set_config('lock_timeout', %s, true)", [_DROP_LOCK_TIMEOUT])
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(_name_of(day))))


def _name_of(day: date) -> str:
    return f"history_fix_{day:%Y%m%d}"
