"""The database goes away for real: its sessions are ended and new ones refused, or its process stands still."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import override_settings

from dispatch.core.fix import Fix, Verdict
from dispatch.fleet import services
from dispatch.history.models import StoredFix
from dispatch.ingest.errors import STORAGE_UNAVAILABLE
from dispatch.ingest.storage import connect
from dispatch.tests.ingest.fleets import Fixture, client, now_ms, query, running, submit, until

QUICK = {"INGEST_COMMIT_TIMEOUT_S": 1}


class Outage:
    """Refuses the test database to Dispatch; Django's own session, which the test itself uses, is left alone."""

    def __init__(self, admin: psycopg.Connection[Any], name: str) -> None:
        self._admin = admin
        self._name = psycopg.sql.Identifier(name)
        self._text = name

    def begin(self) -> None:
        """End its sessions and let no new one in."""
        self._allow(False)
        self._admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND application_name = 'vola-ingest'",
            [self._text],
        )

    def end(self) -> None:
        """As before."""
        self._allow(True)

    def _allow(self, allowed: bool) -> None:
        statement = psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        self._admin.execute(statement.format(self._name, psycopg.sql.Literal(allowed)))


@pytest.fixture
def outage(fleet: Fixture) -> Iterator[Outage]:
    parameters = connection.get_connection_params()
    known = {key: parameters[key] for key in ("user", "password", "host", "port") if parameters.get(key)}
    with psycopg.connect(**known, dbname="postgres", autocommit=True) as admin:
        made = Outage(admin, connection.settings_dict["NAME"])
        yield made
        made.end()


async def test_fixes_are_refused_quickly_while_the_database_is_away_and_taken_when_it_is_back(
    fleet: Fixture, outage: Outage
) -> None:
    at_ms = now_ms() - 60_000
    url = f"/ingest/osmand?id=legacy-1&lat=52.5&lon=13.25&timestamp={at_ms}"
    with override_settings(DISPATCH=QUICK):
        async with running() as service, client() as phone:
            assert (await phone.get(url)).status_code == 200
            outage.begin()
            sent = [(f"legacy-{n % 10}", Fix(at_ms + n * 1_000, 52.5, 13.25)) for n in range(1, 31)]
            assert await submit(service, sent) == [STORAGE_UNAVAILABLE] * 30
            started_s = time.monotonic()
            refused = await phone.get(url + "000")
            assert time.monotonic() - started_s < 0.5
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_unavailable")
            assert int(refused.headers["retry-after"]) > 0
            assert service.snapshot().waiting == 0
            assert service.tracker.fix_time_ms[service.tracker.slot_of(fleet.devices["legacy-1"].pk)] == at_ms
            outage.end()
            await until(lambda: service.snapshot().is_storage_available)
            assert await submit(service, sent) == [Verdict.ACCEPTED] * 30
    assert await query(StoredFix.objects.count) == 31


async def test_a_database_that_hangs_is_given_up_in_time_and_nothing_is_lost_or_stored_twice(fleet: Fixture) -> None:
    """A server that stands still answers nothing and closes nothing; only our own clock ends the wait."""
    fix = ("a", Fix(now_ms(), 52.5, 13.25))
    with override_settings(DISPATCH=QUICK):
        async with running() as service:
            await submit(service, [("b", fix[1])])
            pid = await service._storage.run(lambda it: it.info.backend_pid)
            os.kill(pid, signal.SIGSTOP)
            try:
                started_s = time.monotonic()
                assert await submit(service, [fix]) == [STORAGE_UNAVAILABLE]
                assert time.monotonic() - started_s < 3
            finally:
                os.kill(pid, signal.SIGCONT)
            await until(lambda: service.snapshot().is_storage_available, timeout_s=10)
            assert (await submit(service, [fix]))[0] in (Verdict.ACCEPTED, Verdict.DUPLICATE)
    assert await query(StoredFix.objects.filter(device_id=fleet.devices["a"].pk).count) == 1


async def test_a_flood_during_an_outage_holds_no_memory(fleet: Fixture, outage: Outage) -> None:
    with override_settings(DISPATCH=QUICK):
        async with running() as service:
            outage.begin()
            await submit(service, [("a", Fix(now_ms(), 52.5, 13.25))])
            outcomes = await submit(service, [("b", Fix(now_ms() + n, 52.5, 13.25)) for n in range(20_000)])
            assert set(outcomes) == {STORAGE_UNAVAILABLE}
            assert service.pipeline._gathered == []
            outage.end()
            await asyncio.sleep(0)


async def test_changes_of_devices_are_heard_again_after_an_outage(fleet: Fixture, outage: Outage) -> None:
    async with running() as service:
        outage.begin()
        await asyncio.sleep(0.1)
        outage.end()
        await query(lambda: services.register_device(fleet.fleet, unique_id="new", id_only=True))
        await until(lambda: service.registry.find("new") is not None)


def test_a_stuck_statement_ends_by_the_servers_own_limit(fleet: Fixture) -> None:
    with connect(statement_timeout_s=1) as impatient, pytest.raises(psycopg.errors.QueryCanceled):
        impatient.execute("SELECT pg_sleep(5)")
