"""run_in_thread(): the project served by a thread of the test's own process.

Quicker to start than run_server(), and the test can publish() and look inside. The server has connections of its own to
the database, so tests that use it need committed data: TransactionTestCase, or pytest-django's `transactional_db`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop
from django.db import connections

from vola.core.node import Node
from vola.django.runtime import BuiltServer, build_server
from vola.django.settings import WEBSOCKET_PATH

__all__ = ["ThreadServer", "run_in_thread"]


class ThreadServer:
    """A server in a thread.

    Attributes:
        url, ws_url, port: where it listens.
        node: the running node; its methods belong to the loop's thread, counters may be read from anywhere.
    """

    def __init__(self) -> None:
        self.port = 0
        self.error: BaseException | None = None
        self._built: BuiltServer | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vola-server", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{WEBSOCKET_PATH.read()}"

    @property
    def node(self) -> Node:
        assert self._built is not None
        return self._built.server.node

    def start(self, *, timeout_s: float) -> None:
        """Return when the port is open; raises what the start raised, or TimeoutError."""
        self._thread.start()
        is_ready = self._ready.wait(timeout_s)
        if self.error is not None:
            raise self.error
        if not is_ready:
            raise TimeoutError(f"the server was not ready after {timeout_s:g} s")

    def stop(self, *, timeout_s: float = 20.0) -> None:
        """End it as a signal would, and wait for the end."""
        if self._built is not None:
            self._built.server.stop()
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), "the server did not stop"

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001  start() raises it in the test's thread
            self.error = error
        finally:
            self._ready.set()
            connections.close_all()

    async def _serve(self) -> None:
        self._built = build_server(port=0)
        announcing = asyncio.create_task(self._announce(self._built))
        try:
            await self._built.serve()
        finally:
            announcing.cancel()

    async def _announce(self, built: BuiltServer) -> None:
        await built.server.wait_started()
        self.port = built.server.port
        self._ready.set()


@contextmanager
def run_in_thread(*, timeout_s: float = 30.0) -> Iterator[ThreadServer]:
    """Serve this process's project for the length of the block.

    Raises:
        TimeoutError: the start took longer than `timeout_s`.
        ImproperlyConfigured: the project cannot be served.
    """
    server = ThreadServer()
    server.start(timeout_s=timeout_s)
    try:
        yield server
    finally:
        server.stop()
