"""The system under test: PostgreSQL and Valkey with full durability, the schema, and one server process.

Everything is fresh, in a directory that is removed at the end. The benchmark's own process uses the same settings, so
that it can register fleets and people through the services and look into the database afterwards.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
import psycopg

from bench.measures import ProcessGroup
from project.services.places import hand_over, own_directory, service_account, short_root
from project.services.postgres import start_postgres
from project.services.valkey import start_valkey

__all__ = ["Stack", "running_stack"]

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A running system.

    Attributes:
        url, websocket_url: of the server.
        database_url: of PostgreSQL.
        groups: the processes to measure, by name.
        server_log: what the server printed so far.
    """

    url: str
    websocket_url: str
    database_url: str
    groups: dict[str, ProcessGroup]
    server_log: Callable[[], str]

    def database(self) -> psycopg.Connection[tuple[object, ...]]:
        """A plain connection to the database."""
        return psycopg.connect(self.database_url)


@contextmanager
def running_services() -> Iterator[int]:
    """PostgreSQL and Valkey on temporary data, named in the environment; gives PostgreSQL's process id."""
    directory = Path(tempfile.mkdtemp(prefix="vola-bench-", dir=short_root()))
    directory.chmod(0o711)
    sockets = own_directory(directory / "s")
    hand_over(sockets, service_account())
    postgres = start_postgres(directory / "pg", sockets=sockets, log=directory / "postgres.log")
    valkey = start_valkey(directory / "valkey", sockets=sockets, log=directory / "valkey.log")
    os.environ.update(
        DATABASE_URL=postgres.url,
        VALKEY_URL=valkey.url,
        VOLA_DEMO="1",
        VOLA_SECRET_KEY=secrets.token_urlsafe(64),
        DJANGO_SETTINGS_MODULE="project.settings",
    )
    try:
        yield postgres.child.pid
    finally:
        valkey.child.stop()
        postgres.child.stop()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Everything, ready for load."""
    with running_services() as postgres_pid:
        subprocess.run([sys.executable, ROOT / "manage.py", "migrate", "--no-input", "-v0"], check=True, cwd=ROOT)
        django.setup()
        from vola.testing import run_server  # noqa: PLC0415 - the engine's door needs Django to be set up

        with run_server(manage=ROOT / "manage.py") as server:
            yield Stack(
                url=server.url,
                websocket_url=server.ws_url,
                database_url=os.environ["DATABASE_URL"],
                groups={
                    "server": ProcessGroup(server.pid),
                    "postgres": ProcessGroup(postgres_pid),
                    "loader": ProcessGroup(os.getpid()),
                },
                server_log=lambda: server.log,
            )
