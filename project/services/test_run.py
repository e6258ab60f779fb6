"""The services of one test run: fresh, fast and gone afterwards."""

import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from project.services.places import hand_over, own_directory, service_account, short_root
from project.services.postgres import start_postgres
from project.services.process import Child
from project.services.valkey import start_valkey

__all__ = ["TestRunServices"]


class TestRunServices:
    """Starts what the environment does not name, in a temporary directory that is removed at the end."""

    __test__ = False

    def __init__(self) -> None:
        """Start nothing yet."""
        self.environment: dict[str, str] = {}
        self._children: list[Child] = []
        self._directory: Path | None = None

    def start(self, given: Mapping[str, str] = os.environ) -> None:
        """Start PostgreSQL and Valkey unless their addresses are given; fill `environment` with what Django reads."""
        self.environment = {
            "VOLA_DEMO": given.get("VOLA_DEMO", "1"),
            "VOLA_SECRET_KEY": given.get("VOLA_SECRET_KEY", "") or secrets.token_urlsafe(64),
        }
        atexit.register(self.stop)
        directory = self._directory = Path(tempfile.mkdtemp(prefix="vola-test-", dir=short_root()))
        directory.chmod(0o711)  # the service account walks through; the directories below are closed
        sockets = own_directory(directory / "s")
        hand_over(sockets, service_account())
        if not given.get("DATABASE_URL"):
            cluster = start_postgres(directory / "pg", sockets=sockets, log=directory / "postgres.log", durable=False)
            self._children.append(cluster.child)
            self.environment["DATABASE_URL"] = cluster.url
        if not given.get("VALKEY_URL"):
            server = start_valkey(directory / "valkey", sockets=sockets, log=directory / "valkey.log", durable=False)
            self._children.append(server.child)
            self.environment["VALKEY_URL"] = server.url

    def stop(self) -> None:
        """End the processes and remove their data; harmless when called twice."""
        while self._children:
            self._children.pop().stop()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None
        atexit.unregister(self.stop)
