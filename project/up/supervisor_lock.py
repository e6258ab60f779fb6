"""One demo a clone: a lock file that the running supervisor holds and that names its pid and address."""

import fcntl
import json
import os
from pathlib import Path
from typing import TextIO

from project.up.paths import LOCK_FILE

__all__ = ["hold_lock", "running_address", "running_pid"]


def hold_lock(address: str, *, path: Path = LOCK_FILE) -> TextIO | None:
    """Take the lock and write who holds it; keep the returned file open. None: another supervisor holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    handle.seek(0)
    handle.truncate()
    json.dump({"pid": os.getpid(), "address": address}, handle)
    handle.flush()
    return handle


def running_address(*, path: Path = LOCK_FILE) -> str | None:
    """Return the address of the running demo, or None when none runs."""
    holder = _holder(path)
    return None if holder is None else str(holder["address"])


def running_pid(*, path: Path = LOCK_FILE) -> int | None:
    """Return the running supervisor's process id, or None when none runs."""
    holder = _holder(path)
    return None if holder is None else int(str(holder["pid"]))


def _holder(path: Path) -> dict[str, object] | None:
    if not path.is_file():
        return None
    with path.open("r+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            holder: dict[str, object] = json.loads(handle.read())
            return holder
    return None
