"""What the tests of the whole system share: a database of their own in the run's PostgreSQL, commands, and reading it
back."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

__all__ = ["MANAGE", "ROOT", "query", "run_command", "separate_database", "start_command"]

ROOT = Path(__file__).resolve().parent.parent
MANAGE = ROOT / "manage.py"


@contextmanager
def separate_database() -> Iterator[dict[str, str]]:
    """A migrated database that processes of the test share; gives the environment that names it.

    A database of its own, because what lives in a test's transaction is invisible to other processes.
    """
    url = os.environ["DATABASE_URL"]
    name = f"vola_whole_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    environment = {"DATABASE_URL": urlunsplit(urlsplit(url)._replace(path=f"/{name}"))}
    try:
        run_command("migrate", "--no-input", "-v0", environment=environment)
        yield environment
    finally:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def run_command(*arguments: str, environment: Mapping[str, str]) -> str:
    """Run a management command to its end; its standard output.

    Raises:
        AssertionError: it failed; the message holds what it said.
    """
    done = subprocess.run(
        [sys.executable, MANAGE, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, f"{arguments} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def start_command(*arguments: str, environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A management command that runs beside the test; it is ended with the block. Its words go to ``log``."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, MANAGE, *arguments],
            cwd=ROOT,
            env=os.environ | environment | {"PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def query(environment: Mapping[str, str], statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """The rows of a statement in the tests' database."""
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        return connection.execute(statement.encode(), parameters).fetchall()
