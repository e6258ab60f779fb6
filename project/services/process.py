"""One child process of ours: started with its log, tied to our life, waited for, ended.

Children get their own session, so that Ctrl-C in a terminal reaches us alone and we end them in order. On Linux the
kernel signals them when we die without a word (SIGKILL), so that nothing is left behind.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from project.services.errors import ServiceNotReadyError
from project.services.places import Account

__all__ = ["Child", "start_child", "tie_to_parent"]

PR_SET_PDEATHSIG = 1
POLL_S = 0.02


def tie_to_parent(death_signal: signal.Signals) -> None:
    """Ask the kernel to send us `death_signal` when the thread that started us ends; nothing happens outside Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal))


class Child:
    """A started process with its name, log and the signal that ends it politely."""

    def __init__(self, process: subprocess.Popen[bytes], *, name: str, log: Path, stop_signal: signal.Signals) -> None:
        """Keep what is needed to watch and to end the process."""
        self.process = process
        self.name = name
        self.log = log
        self.stop_signal = stop_signal

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def running(self) -> bool:
        """Tell whether the process still lives."""
        return self.process.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Wait until `ready` says so.

        Raises:
            ServiceNotReadyError: the process ended first, or `timeout_s` passed (it is killed then).
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.running():
                raise ServiceNotReadyError(self.name, log=self.log, reason=f"it ended with {self.process.returncode}")
            if time.monotonic() > deadline:
                self.stop(timeout_s=2)
                raise ServiceNotReadyError(self.name, log=self.log, reason=f"no answer within {timeout_s:.0f} s")
            time.sleep(POLL_S)

    def stop(self, *, timeout_s: float = 10) -> None:
        """End the process politely, and by force after `timeout_s`; harmless when it has ended already."""
        if not self.running():
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()


def start_child(
    command: Sequence[str | Path],
    *,
    name: str,
    log: Path,
    stop_signal: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Child:
    """Start a process whose output goes to the end of `log` and whose life is tied to ours.

    Args:
        command: program and arguments.
        name: what people call it; used in messages.
        log: file that gets its standard output and error; its directory must exist.
        stop_signal: what ends it politely, also sent by the kernel when we die.
        account: whom to run it as; None means ourselves.
        environment: its whole environment; None means ours.
        directory: its working directory; None means ours.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=directory,
            start_new_session=True,
            preexec_fn=lambda: tie_to_parent(stop_signal),  # noqa: PLW1509 - two plain system calls, no lock is taken
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )
    return Child(process, name=name, log=log, stop_signal=stop_signal)
