"""One long step of `make`: says what it does, shows that it lives, and shows the end of its log when it fails."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from project.services.errors import log_tail

__all__ = ["StepFailedError", "run_step"]

POLL_S = 0.1
TALK_EVERY_S = 10.0  # without a terminal: often enough to see that it lives, rare enough to read
SPINNER = "|/-\\"


class StepFailedError(Exception):
    """A step ended badly; the message says which, where its log is, and ends with the log's last lines."""

    code = "step_failed"

    def __init__(self, title: str, *, log: Path, status: int) -> None:
        """Keep the step's title, log and exit status."""
        self.title = title
        self.log = log
        self.status = status
        super().__init__(f"{title}: failed (exit status {status}). The end of {log}:\n\n{log_tail(log)}\n")


def run_step(
    title: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    output: TextIO | None = None,
) -> None:
    """Run a command to its end while showing progress.

    Args:
        title: what is being done, for people.
        command: program and arguments.
        log: file that gets the command's output; its directory is created.
        directory: where it runs; None means here.
        environment: variables added to ours.
        output: where progress is shown; standard error unless given.

    Raises:
        StepFailedError: the command could not be started or ended with another status than 0.
    """
    stream = output or sys.stderr
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("wb") as sink:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=os.environ | dict(environment or {}),
            )
        except OSError as error:
            sink.write(f"{command[0]}: {error.strerror}\n".encode())
            sink.flush()
            raise StepFailedError(title, log=log, status=127) from error
        status = _watch(process, title=title, log=log, stream=stream)
    if status != 0:
        _line(stream, f"  x {title}", final=True)
        raise StepFailedError(title, log=log, status=status)
    _line(stream, f"  - {title} ({time.monotonic() - started:.0f} s)", final=True)


def _watch(process: subprocess.Popen[bytes], *, title: str, log: Path, stream: TextIO) -> int:
    started = spoke = time.monotonic()
    turn = 0
    if not stream.isatty():
        print(f"  . {title} ...", file=stream, flush=True)
    try:
        while (status := process.poll()) is None:
            now = time.monotonic()
            if stream.isatty():
                turn += 1
                _line(stream, f"  {SPINNER[turn % 4]} {title} ({now - started:.0f} s)  {_last_line(log)}"[:110])
            elif now - spoke >= TALK_EVERY_S:
                spoke = now
                print(f"    still at it: {title} ({now - started:.0f} s)", file=stream, flush=True)
            time.sleep(POLL_S)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return status


def _last_line(log: Path) -> str:
    tail = log_tail(log, lines=1)
    return tail.strip() if tail.isprintable() else ""


def _line(stream: TextIO, text: str, *, final: bool = False) -> None:
    if stream.isatty():
        stream.write(f"\r\x1b[K{text}" + ("\n" if final else ""))
    elif final:
        stream.write(text + "\n")
    stream.flush()
