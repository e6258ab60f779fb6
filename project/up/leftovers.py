"""What a demo that was killed may have left behind, found by what only our processes have on their command line."""

import os
import signal
import time
from pathlib import Path

__all__ = ["end_leftovers", "find_leftovers"]

POLL_S = 0.05


def find_leftovers(marks: list[str], *, proc: Path = Path("/proc")) -> list[int]:
    """Return the ids of our own user's processes whose command line holds one of the marks as a whole word.

    Args:
        marks: data or socket paths that no other program is given.
        proc: the kernel's process directory; where there is none (macOS), PostgreSQL's own lock file guards the data.
    """
    found = []
    for directory in proc.glob("[0-9]*"):
        try:
            words = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it ended while we were looking
        if int(directory.name) != os.getpid() and any(mark in words for mark in marks):
            found.append(int(directory.name))
    return sorted(found)


def end_leftovers(marks: list[str], *, timeout_s: float = 10) -> int:
    """End what `find_leftovers` finds, by force after `timeout_s`, and return how many there were."""
    pids = find_leftovers(marks)
    _signal(pids, signal.SIGINT)
    deadline = time.monotonic() + timeout_s
    while (left := find_leftovers(marks)) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    _signal(left, signal.SIGKILL)
    return len(pids)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue  # ended by itself
