"""run_server(): the project's own `manage.py vola serve`, for real, in a process of its own on a free port.

A separate process because that is what production runs, and because tests want to kill it. The process sees the
database that its environment names; data that only lives in a test's open transaction is invisible to it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

__all__ = ["ServerFailed", "ServerProcess", "run_server"]

_READY: Final = re.compile(r"vola: listening on (http://\S+:(\d+))")
_LOG_LINES_MAX: Final = 2000


class ServerFailed(AssertionError):  # noqa: N818  named for what happened
    """The server did not start, or ended with an error; the message holds its log."""


class ServerProcess:
    """A running server.

    Attributes:
        url: "http://127.0.0.1:PORT".
        ws_url: URL of the client protocol's WebSocket endpoint.
        port, pid: of the server's process.
    """

    def __init__(self, process: subprocess.Popen[str], *, websocket_path: str) -> None:
        self._process = process
        self._websocket_path = websocket_path
        self._lines: deque[str] = deque(maxlen=_LOG_LINES_MAX)
        self._ready = threading.Event()
        self.url = ""
        self.port = 0
        assert process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{self._websocket_path}"

    @property
    def log(self) -> str:
        """What the server printed so far, its last lines."""
        return "".join(self._lines)

    @property
    def exit_code(self) -> int | None:
        """The process's exit code; None while it runs."""
        return self._process.poll()

    def wait_ready(self, *, timeout_s: float) -> None:
        """Return when the port is open.

        Raises:
            ServerFailed: it ended before that, or took longer.
        """
        give_up_at_s = time.monotonic() + timeout_s
        while not self._ready.wait(0.02):
            if self._process.poll() is not None:
                self._reader.join(5)
                raise ServerFailed(f"The server ended with exit code {self._process.returncode}:\n{self.log}")
            if time.monotonic() > give_up_at_s:
                self.kill()
                raise ServerFailed(f"The server was not ready after {timeout_s:g} s:\n{self.log}")

    def stop(self, *, timeout_s: float = 20.0) -> int:
        """End it as an operator does (SIGTERM); answers the exit code.

        Raises:
            ServerFailed: it did not end in time; it is killed then.
        """
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"The server did not stop within {timeout_s:g} s:\n{self.log}") from None
        self._close()
        return code

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        self._reader.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.append(line)
            found = _READY.search(line)
            if found and not self._ready.is_set():
                self.url, self.port = found.group(1), int(found.group(2))
                self._ready.set()


@contextmanager
def run_server(
    *,
    manage: Path | str = "manage.py",
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    port: int = 0,
    websocket_path: str = "/connection/websocket",
    timeout_s: float = 30.0,
) -> Iterator[ServerProcess]:
    """Run `manage.py vola serve` for the length of the block; its log is part of any failure.

    Args:
        manage: the project's manage.py.
        env: added to this process's environment.
        arguments: added to the command line.
        port: 0 takes a free one.
        websocket_path: the project's VOLA["WEBSOCKET_PATH"].
        timeout_s: how long the start may take.

    Raises:
        ServerFailed: it did not start, or did not stop when asked.
    """
    path = Path(manage).resolve()
    command = [sys.executable, str(path), "vola", "serve", "--port", str(port), *arguments]
    process = subprocess.Popen(  # noqa: S603  our own interpreter and the caller's manage.py
        command,
        cwd=path.parent,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = ServerProcess(process, websocket_path=websocket_path)
    try:
        server.wait_ready(timeout_s=timeout_s)
        yield server
    except ServerFailed:
        raise
    except BaseException as error:
        error.add_note(f"The server's log:\n{server.log}")
        raise
    finally:
        if server.exit_code is None:
            server.stop()
        else:
            server.kill()
