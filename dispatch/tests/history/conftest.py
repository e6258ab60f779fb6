"""An empty history on a connection of its own."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from dispatch.history.partitions import drop_partition, existing_days
from dispatch.ingest.storage import connect


@pytest.fixture
def history(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the group commit has it; the log has no partitions. (Django flushes managed tables only.)"""
    connection = connect(statement_timeout_s=10)
    for day in existing_days(connection):
        drop_partition(connection, day)
    yield connection
    connection.close()
