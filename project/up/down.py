"""`make down` stops a running demo and what one left behind; `make reset` also deletes its data."""

import argparse
import os
import shutil
import signal
import sys
import time

from project.services.places import data_home, socket_home
from project.up.leftovers import end_leftovers
from project.up.paths import ENVIRONMENT_FILE, LOGS, RUN
from project.up.supervisor_lock import running_pid

__all__ = ["stop_everything", "wipe"]

STOP_TIMEOUT_S = 40.0
POLL_S = 0.1


def stop_everything() -> str:
    """Stop the supervisor, then whatever is still there; return what was done, for people.

    Raises:
        SystemExit: the supervisor did not stop in time.
    """
    if not RUN.is_dir():
        return "Nothing was running."
    pid = running_pid()
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while running_pid() is not None:
            if time.monotonic() > deadline:
                raise SystemExit(f"The running demo (process {pid}) does not stop; its logs are in {LOGS}.")
            time.sleep(POLL_S)
    ended = end_leftovers([str(data_home(RUN) / "postgres"), str(socket_home(RUN) / "valkey.sock")])
    ENVIRONMENT_FILE.unlink(missing_ok=True)
    if pid is None and ended == 0:
        return "Nothing was running."
    return "Stopped." if ended == 0 else f"Stopped, with {ended} processes that an earlier run had left behind."


def wipe() -> None:
    """Delete the demo's data, keys and logs; what was installed or built stays."""
    if not RUN.is_dir():
        return
    home = data_home(RUN)
    for path in (home / "postgres", home / "valkey", LOGS, socket_home(RUN)):
        shutil.rmtree(path, ignore_errors=True)
    (RUN / "secret_key").unlink(missing_ok=True)


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m project.up.down", description=__doc__)
    parser.add_argument("--reset", action="store_true", help="delete the demo's data too")
    options = parser.parse_args()
    print(stop_everything())
    if options.reset:
        wipe()
        print("The demo's data is gone; the next `make up` starts from nothing.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
