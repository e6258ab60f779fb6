"""Composes the engine with Django: node, server, executor, authenticators, directories, services, routes.

`manage.py vola serve` calls serve(); an embedding project may call build_server() inside its own loop.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import uvloop
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from vola import __version__
from vola.core.limits import Limits
from vola.django import settings as vola_settings
from vola.django.asgi import Dispatcher
from vola.django.auth import build_chain
from vola.django.calling import Caller
from vola.django.channels import registry
from vola.django.directory import DjangoChannelDirectory
from vola.django.executor import DjangoExecutor
from vola.django.methods import DjangoRpcDirectory, methods
from vola.django.running import Running, current_or_none, set_running
from vola.server.collector import calm_collector
from vola.server.config import ServerConfig
from vola.server.handover import HandedPublication
from vola.server.server import Server, build_node

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BuiltServer", "PortTaken", "build_server", "check_port_free", "serve"]

# How long a stopping process waits for functions that run in threads.
_EXECUTOR_STOP_WAIT_S: Final = 2.0


class PortTaken(OSError):  # noqa: N818  named for what happened
    """The address cannot be listened on; `str()` names it and says why."""

    def __init__(self, host: str, port: int, *, reason: str) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {reason}")


class BuiltServer:
    """A composed server and what must be put away after it."""

    def __init__(self, server: Server, *, executor: DjangoExecutor, caller: Caller) -> None:
        self.server = server
        self._executor = executor
        self._caller = caller

    async def serve(self) -> None:
        """Run until stopped. publish() works meanwhile, also for the requests in flight while the server stops."""
        server, loop = self.server, asyncio.get_running_loop()

        def hand_over(channel: str, data: bytes, key: str) -> None:
            server.handover.publish(HandedPublication(channel, data, key=key))

        set_running(Running(node=server.node, executor=self._executor, publish=hand_over, loop=loop))
        try:
            await server.serve()
        finally:
            set_running(None)
            self._caller.stop()
            self._executor.stop(wait_s=_EXECUTOR_STOP_WAIT_S)


def build_server(*, host: str = "127.0.0.1", port: int = 8000) -> BuiltServer:
    """Compose everything that the settings name. Called on the running loop that will serve.

    Raises:
        ImproperlyConfigured: a setting, channel class or method that the system checks report.
    """
    problems = [*registry.problems, *methods.problems]
    if problems:
        raise ImproperlyConfigured("; ".join(str(problem) for problem in problems))
    loop = asyncio.get_running_loop()
    timeout_s = vola_settings.EXECUTOR_TIMEOUT_S.read()
    queue = vola_settings.EXECUTOR_QUEUE.read()
    executor = DjangoExecutor(loop, threads=vola_settings.EXECUTOR_THREADS.read(), queue=queue, timeout_s=timeout_s)
    caller = Caller(loop, executor=executor, tasks_max=queue, timeout_s=timeout_s)
    node = build_node(
        authenticator=build_chain(),
        directory=DjangoChannelDirectory(registry, caller=caller),
        rpc=DjangoRpcDirectory(methods, caller=caller),
        limits=_limits(timeout_s=timeout_s),
        version=__version__,
    )
    started_at_s = loop.time()

    def health() -> Mapping[str, object]:
        stopping = current_or_none() is None or server.websocket.is_draining
        return {
            "status": "stopping" if stopping else "ok",
            "connections": node.connection_count,
            "uptime_s": round(loop.time() - started_at_s, 3),
            "version": __version__,
        }

    routes = {prefix: import_string(path) for prefix, path in vola_settings.HTTP_ROUTES.read().items()}
    app = Dispatcher(import_string(_asgi_path()), routes=routes, health=health)
    services = [import_string(path)() for path in vola_settings.SERVICES.read()]
    server = Server(app, node, config=_config(host=host, port=port), services=services)
    return BuiltServer(server, executor=executor, caller=caller)


def check_port_free(host: str, port: int) -> None:
    """Find out before anything is started whether the address can be listened on.

    Raises:
        PortTaken: another process listens there, or the address is none of this machine's.
    """
    if port == 0:
        return
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the server itself will: connections of an earlier process that are only winding down do not matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise PortTaken(host, port, reason=error.strerror or str(error)) from error


def serve(*, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serve on a loop of its own in this thread until SIGINT or SIGTERM; `ready` gets the open port.

    Raises:
        PortTaken: the address cannot be listened on.
        ImproperlyConfigured: see build_server().
    """
    check_port_free(host, port)

    stopping = _StopSignals()

    async def main() -> None:
        built = build_server(host=host, port=port)
        stopping.attach(built.server)
        announcing = asyncio.create_task(_announce(built.server, ready))
        try:
            await built.serve()
        finally:
            announcing.cancel()

    with stopping, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def _announce(server: Server, ready: Callable[[int], None]) -> None:
    await server.wait_started()
    calm_collector()
    ready(server.port)


class _StopSignals:
    """SIGINT and SIGTERM stop the server and end the process as an ordinary success.

    uvicorn handles both while it runs, but not before, and raises them once more when it has shut down.
    """

    def __init__(self) -> None:
        self._server: Server | None = None
        self._asked = False
        self._before: dict[int, Any] = {}

    def attach(self, server: Server) -> None:
        """From now on this server is stopped; at once when a signal came already."""
        self._server = server
        if self._asked:
            server.stop()

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._server is not None:
            self._server.stop()


def _asgi_path() -> str:
    path = getattr(django_settings, "ASGI_APPLICATION", None)
    if not path:
        raise ImproperlyConfigured('ASGI_APPLICATION is missing; set it to e.g. "mysite.asgi.application"')
    return str(path)


def _limits(*, timeout_s: float) -> Limits:
    return Limits(
        ping_interval_s=float(vola_settings.PING_INTERVAL_S.read()),
        pong_timeout_s=float(vola_settings.PONG_TIMEOUT_S.read()),
        queue_max_bytes=vola_settings.CLIENT_QUEUE_BYTES_MAX.read(),
        channels_per_client_max=vola_settings.CLIENT_CHANNELS_MAX.read(),
        # The engine waits for the executor, which answers at its own limit.
        decision_timeout_s=timeout_s + 0.5,
    )


def _config(*, host: str, port: int) -> ServerConfig:
    return ServerConfig(
        host=host,
        port=port,
        websocket_path=vola_settings.WEBSOCKET_PATH.read(),
        connections_max=vola_settings.CONNECTIONS_MAX.read(),
        http_keep_alive_s=vola_settings.HTTP_KEEP_ALIVE_S.read(),
        http_shutdown_timeout_s=max(1, int(vola_settings.SHUTDOWN_TIMEOUT_S.read())),
        shutdown_timeout_s=max(0.1, float(vola_settings.SHUTDOWN_TIMEOUT_S.read())),
    )
