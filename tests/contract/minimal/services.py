"""A service that runs beside the node, a source that it drives, and an ASGI application on a hot route."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from vola.core.node import Node
from vola.django import SourceFrames

_sources: "set[TickSource]" = set()


class TickSource:
    """A counter: the snapshot says {"full": n}, a change {"since": m, "now": n}."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._version = 1
        _sources.add(self)

    def tick(self) -> None:
        """Count one up."""
        self._version += 1
        self._changed()

    def snapshot(self) -> SourceFrames:
        """The whole state."""
        return SourceFrames(self._version, (f'{{"full":{self._version}}}'.encode(),))

    def changes(self, since_version: int) -> SourceFrames | None:
        """What is new."""
        if since_version == self._version:
            return None
        change = f'{{"since":{since_version},"now":{self._version}}}'
        return SourceFrames(self._version, (change.encode(),))

    def close(self) -> None:
        """Nobody watches any more."""
        _sources.discard(self)


class Ticker:
    """Ticks all open sources fifty times a second."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def start(self, node: Node) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End."""
        assert self._task is not None
        self._task.cancel()
        sys.stdout.write("ticker stopped\n")
        sys.stdout.flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            for source in tuple(_sources):
                source.tick()


def open_source_count() -> int:
    """How many sources somebody watches."""
    return len(_sources)


async def hot_application(scope: Any, receive: Any, send: Any) -> None:
    """Answers its path."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": f"hot {scope['path']}".encode()})
