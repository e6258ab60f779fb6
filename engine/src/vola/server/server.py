"""The server: one port for the application's pages and the node's connections, started and stopped in order.

Start: services, then the port. Stop: the port closes, every client is told 3001 and given a bounded time to leave, then
services stop, then the application.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import uvicorn
import uvloop

from vola.brokers.memory import MemoryBroker, MemoryPresence
from vola.core.limits import Limits
from vola.core.node import Node
from vola.core.ports import Authenticator, Broker, ChannelDirectory, Presence, RpcDirectory
from vola.errors import DISCONNECT_SHUTDOWN
from vola.server.asyncio_ports import AsyncioScheduler, RandomIds, SystemClock
from vola.server.config import ServerConfig
from vola.server.handover import PublishHandover
from vola.transports.http import HttpEndpoint
from vola.transports.websocket import WebSocketEndpoint

__all__ = ["Server", "Service", "build_node"]

# An ASGI application, in the loose types that frameworks agree on.
type AsgiApp = Callable[..., Any]


class Service(Protocol):
    """Something that lives as long as the server does."""

    async def start(self, node: Node) -> None:
        """Called before the port opens."""
        ...

    async def stop(self) -> None:
        """Called after the clients were told to go."""
        ...


def build_node(
    *,
    authenticator: Authenticator,
    directory: ChannelDirectory,
    rpc: RpcDirectory | None = None,
    limits: Limits | None = None,
    broker: Broker | None = None,
    presence: Presence | None = None,
    version: str = "vola",
) -> Node:
    """A node for a real process: system clock, asyncio, and the memory broker unless told otherwise."""
    clock, ids = SystemClock(), RandomIds()
    return Node(
        clock=clock,
        scheduler=AsyncioScheduler(),
        ids=ids,
        broker=broker or MemoryBroker(clock=clock, ids=ids),
        presence=presence or MemoryPresence(),
        authenticator=authenticator,
        directory=directory,
        rpc=rpc,
        limits=limits,
        version=version,
    )


class Server:
    """Serves an ASGI application and a node on one port.

    Args:
        app: the ASGI application for everything that is not a WebSocket.
        services: started in order, stopped in reverse.
    """

    def __init__(
        self, app: AsgiApp, node: Node, *, config: ServerConfig | None = None, services: Sequence[Service] = ()
    ) -> None:
        self.node = node
        self.config = config or ServerConfig()
        self.handover = PublishHandover(
            node, waiting_max=self.config.handover_max, slice_max=self.config.handover_slice
        )
        self.websocket = WebSocketEndpoint(
            node,
            path=self.config.websocket_path,
            connections_max=self.config.connections_max,
            close_wait_s=self.config.close_wait_s,
        )
        self._services = tuple(services)
        self._started_services: list[Service] = []
        self._started = asyncio.Event()
        http = HttpEndpoint(
            node.counters,
            head_max_bytes=self.config.http_head_max_bytes,
            head_timeout_s=self.config.http_head_timeout_s,
            body_timeout_s=self.config.http_body_timeout_s,
        )
        create_http: Any = http.create_protocol
        create_websocket: Any = self.websocket.create_protocol
        self._uvicorn = _Uvicorn(
            self,
            uvicorn.Config(
                app,
                host=self.config.host,
                port=self.config.port,
                http=create_http,
                ws=create_websocket,
                lifespan="auto",
                backlog=self.config.backlog,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=self.config.http_keep_alive_s,
                timeout_graceful_shutdown=self.config.http_shutdown_timeout_s,
            ),
        )

    # Life ---------------------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Run until `stop` or a signal (SIGINT, SIGTERM), then shut down in order."""
        await self._uvicorn.serve()

    def run(self) -> None:
        """Run on an event loop of its own (uvloop), in this thread."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.serve())

    def stop(self) -> None:
        """Ask for the shutdown. Any thread."""
        self._uvicorn.should_exit = True

    async def wait_started(self) -> None:
        """Until the port is open."""
        await self._started.wait()

    @property
    def is_started(self) -> bool:
        """Whether the port is open. Any thread."""
        return self._started.is_set()

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        port: int = self._uvicorn.servers[0].sockets[0].getsockname()[1]
        return port

    # For the HTTP server ------------------------------------------------------------------------------------------

    async def before_listening(self) -> None:
        """Start what must run before the first connection."""
        self.handover.attach(asyncio.get_running_loop())
        try:
            for service in self._services:
                await service.start(self.node)
                self._started_services.append(service)
        except BaseException:
            await self._stop_services()
            raise

    def listening(self) -> None:
        """The port is open."""
        self._started.set()

    async def after_listening(self) -> None:
        """Tell everybody to go, give them time, stop the services."""
        self.websocket.is_draining = True
        self.handover.drain()
        try:
            async with asyncio.timeout(self.config.shutdown_timeout_s):
                left = self.node.connection_count
                while left:
                    left = self.node.close_all(DISCONNECT_SHUTDOWN, count_max=self.config.shutdown_slice)
                    await asyncio.sleep(0)
                await self.websocket.emptied.wait()
        except TimeoutError:
            self.node.counters.faults["shutdown_timeout"] += 1
        self.websocket.abort_all()
        await self._stop_services()
        self.handover.drain()
        self.handover.detach()

    async def _stop_services(self) -> None:
        while self._started_services:
            await self._started_services.pop().stop()


class _Uvicorn(uvicorn.Server):
    """uvicorn with our steps before its port opens and after it closes."""

    def __init__(self, owner: Server, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._owner = owner

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await self._owner.before_listening()
        await super().startup(sockets=sockets)
        if self.started:
            self._owner.listening()

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        for server in self.servers:
            server.close()
        await self._owner.after_listening()
        await super().shutdown(sockets=sockets)
