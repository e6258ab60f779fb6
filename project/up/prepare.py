"""Prepare the machine: runs on any Python 3.12 or newer, before `.venv` exists.

`python -m project.up.prepare [--with npm,clients,web,basemap] [--port-free] [--quiet]`
"""

import argparse
import os
import socket
import sys
from contextlib import closing
from pathlib import Path

from project.services.errors import ServiceError
from project.up import web_build
from project.up.paths import PYTHON, RUN, VENV, port
from project.up.python_environment import ensure_python_environment, works
from project.up.steps import StepFailedError
from project.up.supervisor_lock import running_address

__all__ = ["port_problem"]


def port_problem(number: int) -> str | None:
    """Return what is wrong with listening on a loopback port, or None.

    Args:
        number: the TCP port.
    """
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except PermissionError:
            return f"Port {number} needs more rights than you have. Choose another: VOLA_PORT=8001 make up"
        except OSError:
            return f"Port {number} is taken by another program. Stop that, or choose another: VOLA_PORT=8001 make up"
    return None


def main() -> int:
    """Do what the command line asks for.

    Returns:
        0 ready, 1 a step failed, 2 the port is taken.
    """
    parser = argparse.ArgumentParser(prog="python -m project.up.prepare")
    parser.add_argument("--with", dest="parts", default="", help="npm, clients, web, basemap; separated by commas")
    parser.add_argument("--port-free", action="store_true", help="stop early when the port is taken")
    parser.add_argument("--quiet", action="store_true", help="an environment that works is good enough")
    options = parser.parse_args()
    if options.port_free:
        if running_address() is not None:
            return 0  # `make up` says so and leaves the running one alone
        problem = port_problem(port())
        if problem is not None:
            print(problem, file=sys.stderr)
            return 2
    if options.quiet and works(PYTHON):
        return 0
    RUN.mkdir(exist_ok=True)
    try:
        ensure_python_environment()
        parts = {part for part in options.parts.split(",") if part}
        if parts and Path(sys.prefix) != VENV:
            # The rest needs what was just installed: Node's wheel is invisible to the machine's own Python.
            os.execv(PYTHON, [str(PYTHON), "-m", "project.up.prepare", "--with", options.parts])  # noqa: S606 - our own environment
        return _parts(parts)
    except (StepFailedError, ServiceError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def _parts(parts: set[str]) -> int:
    if parts & {"npm", "web", "basemap"}:
        web_build.ensure_npm_packages()
    if "clients" in parts:
        web_build.ensure_npm_packages(web_build.CLIENTS)
    if "basemap" in parts:
        web_build.ensure_basemap()
    if "web" in parts:
        web_build.ensure_web_build()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        sys.exit(130)
