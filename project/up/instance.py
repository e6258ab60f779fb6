"""A running demo: PostgreSQL, Valkey, the server and the living fleet, started in order and ended in reverse."""

import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from project.demo.words import FLEET_NAME
from project.services.places import data_home, socket_home
from project.services.postgres import start_postgres
from project.services.process import Child, start_child
from project.services.valkey import start_valkey
from project.up.leftovers import end_leftovers
from project.up.paths import ENVIRONMENT_FILE, LOGS, PYTHON, ROOT, RUN
from project.up.steps import StepFailedError, run_step

__all__ = ["Instance"]

HTTP_TIMEOUT_S = 2.0
SERVER_TIMEOUT_S = 60.0
POLL_S = 0.3
FIX_INTERVAL_S = "2"  # seconds between a vehicle's fixes: lively to look at


class Instance:
    """Everything that `make up` runs, on one loopback port."""

    def __init__(self, port: int) -> None:
        """Start nothing yet."""
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self.environment: dict[str, str] = {}
        self._children: list[Child] = []

    def start_services(self) -> None:
        """Start PostgreSQL and Valkey unless the environment names others; fill `environment`.

        Raises:
            ServiceError: one of them did not start.
        """
        LOGS.mkdir(parents=True, exist_ok=True)
        data, sockets = data_home(RUN), socket_home(RUN)
        end_leftovers([str(data / "postgres"), str(sockets / "valkey.sock")])
        self.environment = {"VOLA_DEMO": "1", "VOLA_DEBUG": os.environ.get("VOLA_DEBUG", "0")}
        self.environment["VOLA_SECRET_KEY"] = secret_key(RUN / "secret_key")
        if "DATABASE_URL" in os.environ:
            self.environment["DATABASE_URL"] = os.environ["DATABASE_URL"]
        else:
            cluster = start_postgres(data / "postgres", sockets=sockets, log=LOGS / "postgres.log")
            self._children.append(cluster.child)
            self.environment["DATABASE_URL"] = cluster.url
        if "VALKEY_URL" in os.environ:
            self.environment["VALKEY_URL"] = os.environ["VALKEY_URL"]
        else:
            server = start_valkey(data / "valkey", sockets=sockets, log=LOGS / "valkey.log")
            self._children.append(server.child)
            self.environment["VALKEY_URL"] = server.url
        write_private(ENVIRONMENT_FILE, "".join(f"{name}={value}\n" for name, value in self.environment.items()))

    def prepare_data(self) -> str:
        """Bring the schema up to date and load the demo.

        Returns:
            What the demo's loader has to tell; passwords are in it the first time, so it goes to no log.

        Raises:
            StepFailedError: a command failed.
        """
        run_step(
            "Bringing the database up to date",
            self._manage("migrate", "--no-input"),
            log=LOGS / "migrate.log",
            directory=ROOT,
            environment=self.environment,
        )
        print("  . Loading the demo's people and vehicles ...", file=sys.stderr, flush=True)
        loaded = subprocess.run(
            self._manage("load_demo"), check=False, capture_output=True, text=True, cwd=ROOT, env=self._variables()
        )
        if loaded.returncode != 0:
            log = LOGS / "demo.log"
            log.write_text(loaded.stderr)
            raise StepFailedError("Loading the demo", log=log, status=loaded.returncode)
        return loaded.stdout

    def start_server(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            ServiceNotReadyError: it ended or did not answer.
        """
        command = self._manage("vola", "serve", "--host", "127.0.0.1", "--port", str(self.port))
        child = self._start(command, name="the server", log=LOGS / "server.log")
        child.wait_until(lambda: answers(self.address + "/"), timeout_s=SERVER_TIMEOUT_S)

    def start_fleet(self) -> None:
        """Start the vehicles that drive around."""
        options = ("--fleet", FLEET_NAME, "--renew-secrets", "--interval", FIX_INTERVAL_S, "--url", self.address)
        self._start(self._manage("simulate", *options), name="the demo fleet", log=LOGS / "fleet.log")

    def wait(self) -> Child:
        """Wait until one of the children ends, and return it."""
        while True:
            for child in self._children:
                if not child.running():
                    return child
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End all children, the last started first."""
        while self._children:
            self._children.pop().stop()
        ENVIRONMENT_FILE.unlink(missing_ok=True)

    def _start(self, command: Sequence[str], *, name: str, log: Path) -> Child:
        log.write_bytes(b"")
        child = start_child(command, name=name, log=log, environment=self._variables(), directory=ROOT)
        self._children.append(child)
        return child

    def _manage(self, *arguments: str) -> list[str]:
        return [str(PYTHON), str(ROOT / "manage.py"), *arguments]

    def _variables(self) -> Mapping[str, str]:
        return os.environ | self.environment | {"PYTHONUNBUFFERED": "1"}


def answers(url: str) -> bool:
    """Tell whether the page is served; any other answer than success counts as not yet."""
    try:
        with urllib.request.urlopen(url, timeout=HTTP_TIMEOUT_S) as response:  # noqa: S310 - our own loopback address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def secret_key(path: Path) -> str:
    """Return this clone's own secret key, drawn once, so that sessions outlive a restart."""
    if not path.is_file():
        write_private(path, secrets.token_urlsafe(64))
    return path.read_text().strip()


def write_private(path: Path, content: str) -> None:
    """Write a file that only we may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(content)
