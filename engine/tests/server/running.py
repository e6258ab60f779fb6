"""A real server on a free port, for tests that need sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from engine.tests.core.world import Directory, Doorman, Methods
from vola.core.limits import Limits
from vola.server.config import ServerConfig
from vola.server.server import Server, Service, build_node

type AsgiMessage = MutableMapping[str, Any]


async def pages(scope: AsgiMessage, receive: Callable[[], Any], send: Callable[[AsgiMessage], Any]) -> None:
    """An application with one page."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"page"})


class Running:
    """The server and its scripted surroundings."""

    def __init__(self, config: ServerConfig, *, limits: Limits | None, services: tuple[Service, ...]) -> None:
        self.doorman = Doorman()
        self.directory = Directory()
        self.methods = Methods()
        self.node = build_node(
            authenticator=self.doorman, directory=self.directory, rpc=self.methods, limits=limits, version="test"
        )
        self.server = Server(pages, self.node, config=config, services=services)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/connection/websocket"


@asynccontextmanager
async def run_server(
    config: ServerConfig | None = None, *, limits: Limits | None = None, services: tuple[Service, ...] = ()
) -> AsyncIterator[Running]:
    """Serve until the block ends, then shut down."""
    running = Running(config or ServerConfig(port=0, close_wait_s=0.5), limits=limits, services=services)
    task = asyncio.create_task(running.server.serve())
    await running.server.wait_started()
    try:
        yield running
    finally:
        running.server.stop()
        await task
