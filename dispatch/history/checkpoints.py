"""The tracker's state on disk: rows of a structured array, stored column by column."""

from datetime import datetime
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(connection: psycopg.Connection[Any], rows: NDArray[np.void], *, saved_at: datetime) -> None:
    """Replace the checkpoint. Commits. Readers wait for it, for milliseconds."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE history_checkpointcolumn")
        statement = 'COPY history_checkpointcolumn (name, dtype, "values", saved_at) FROM STDIN (FORMAT BINARY)'
        with cursor.copy(statement) as copy:
            copy.set_types(["varchar", "varchar", "bytea", "timestamptz"])
            for name in rows.dtype.names or ():
                column = np.ascontiguousarray(rows[name])
                copy.write_row((name, column.dtype.str, column.tobytes(), saved_at))


def load_checkpoint(
    connection: psycopg.Connection[Any], dtype: "np.dtype[np.void]"
) -> tuple[NDArray[np.void], datetime] | None:
    """The last checkpoint as rows of ``dtype`` and when it was saved.

    None when there is none, or when it is of a version with other columns: then the newest fixes of the log have to do.
    """
    stored = connection.execute('SELECT name, dtype, "values", saved_at FROM history_checkpointcolumn').fetchall()
    columns = {name: np.frombuffer(values, kind) for name, kind, values, _ in stored}
    if not stored or {name: column.dtype for name, column in columns.items()} != {
        n: dtype[n] for n in dtype.names or ()
    }:
        return None
    rows = np.empty(min(len(column) for column in columns.values()), dtype)
    for name, column in columns.items():
        rows[name] = column[: len(rows)]
    return rows, stored[0][3]
