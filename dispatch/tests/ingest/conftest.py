"""An empty history and a fleet with devices."""

import pytest

from dispatch.history.partitions import drop_partition, existing_days
from dispatch.ingest.storage import connect
from dispatch.tests.ingest.fleets import Fixture, make_fleet


@pytest.fixture
def fleet(transactional_db: None) -> Fixture:
    """A fleet with devices over an empty log. (Django flushes managed tables only.)"""
    with connect(statement_timeout_s=10) as connection:
        for day in existing_days(connection):
            drop_partition(connection, day)
    return make_fleet()
