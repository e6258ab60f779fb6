"""A database that is away makes the server refuse, so that devices keep their data; when it is back, everything goes
on."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from project.services.places import hand_over, own_directory, service_account, short_root
from project.services.postgres import PostgresCluster, start_postgres
from tests.running import MANAGE, query, run_command
from vola.testing import run_server

pytestmark = [pytest.mark.faults]

RECOVERY_MAX_S = 30.0
REFUSAL_MAX_S = 10.0


class OwnPostgres:
    """A cluster that the test may stop, and start again on the same data."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sockets = own_directory(directory / "s")
        hand_over(self._sockets, service_account())
        self.cluster = self.start()
        self.environment = {"DATABASE_URL": self.cluster.url}

    def start(self) -> PostgresCluster:
        self.cluster = start_postgres(
            self._directory / "pg", sockets=self._sockets, log=self._directory / "postgres.log", durable=False
        )
        return self.cluster

    def stop(self) -> None:
        self.cluster.child.stop()


@pytest.fixture
def postgres() -> Iterator[OwnPostgres]:
    directory = Path(tempfile.mkdtemp(prefix="vola-outage-", dir=short_root()))
    directory.chmod(0o711)
    own = OwnPostgres(directory)
    try:
        yield own
    finally:
        own.stop()
        shutil.rmtree(directory, ignore_errors=True)


def register(environment: dict[str, str]) -> None:
    """A fleet with one device that sends by identifier alone."""
    script = (
        "from dispatch.fleet.services import create_fleet, register_device;"
        "register_device(create_fleet('Outage'), unique_id='van', id_only=True)"
    )
    run_command("shell", "-c", script, environment=environment)


def send(url: str, *, at_s: int) -> httpx.Response:
    """One fix of the van by the query form."""
    fix = {"id": "van", "lat": "60.17", "lon": "24.94", "timestamp": str(at_s)}
    return httpx.get(f"{url}/ingest/osmand", params=fix, timeout=REFUSAL_MAX_S)


def test_while_the_database_is_away_fixes_are_refused_and_afterwards_taken(postgres: OwnPostgres) -> None:
    run_command("migrate", "--no-input", "-v0", environment=postgres.environment)
    register(postgres.environment)
    first_s = int(time.time()) - 100
    with run_server(manage=MANAGE, env=postgres.environment) as server:
        assert send(server.url, at_s=first_s).headers["Vola-Fix"] == "accepted"

        postgres.stop()
        for _ in range(3):
            refused = send(server.url, at_s=first_s + 10)
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "storage_unavailable"
            assert int(refused.headers["Retry-After"]) > 0

        postgres.start()
        give_up_s = time.monotonic() + RECOVERY_MAX_S
        while (answer := send(server.url, at_s=first_s + 10)).status_code == 503:
            assert time.monotonic() < give_up_s, "the server does not come back to its database"
            time.sleep(0.2)
        assert answer.headers["Vola-Fix"] == "accepted", "what was refused had not been applied"
        assert send(server.url, at_s=first_s + 10).headers["Vola-Fix"] == "duplicate"
    rows = query(postgres.environment, "SELECT extract(epoch FROM fix_time)::bigint FROM history_fix ORDER BY fix_time")
    assert rows == [(first_s,), (first_s + 10,)]
