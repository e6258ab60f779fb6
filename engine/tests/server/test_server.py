"""The server's life: start, pages beside sockets, shutdown in order and in bounded time."""

import asyncio
import threading

import httpx
import pytest
import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from engine.tests.server.running import Running, run_server
from engine.tests.transports.test_websocket import CONNECT, BareClient, ask, close_code, frame
from vola.core.node import Node
from vola.errors import ConfigurationError
from vola.server.config import ServerConfig
from vola.server.handover import HandedPublication


class Recorder:
    """A service that writes down its life."""

    def __init__(self, log: list[str], name: str, *, fails: bool = False) -> None:
        self.log, self.name, self.fails = log, name, fails

    async def start(self, node: Node) -> None:
        if self.fails:
            raise LookupError("the service's own fault")
        self.log.append(f"start {self.name} {node.version}")

    async def stop(self) -> None:
        self.log.append(f"stop {self.name}")


async def test_pages_and_sockets_share_a_port() -> None:
    async with run_server() as running, connect(running.url) as client, httpx.AsyncClient() as browser:
        await ask(client, CONNECT)
        response = await browser.get(f"http://127.0.0.1:{running.server.port}/")
        assert (response.status_code, response.text) == (200, "page")


async def test_services_start_before_and_stop_after() -> None:
    log: list[str] = []
    async with run_server(services=(Recorder(log, "a"), Recorder(log, "b"))):
        assert log == ["start a test", "start b test"]
    assert log[2:] == ["stop b", "stop a"]


async def test_a_service_that_fails_keeps_the_port_closed_and_stops_the_others() -> None:
    log: list[str] = []
    services = (Recorder(log, "a"), Recorder(log, "b", fails=True))
    running = Running(ServerConfig(port=0), limits=None, services=services)
    with pytest.raises(LookupError):
        await running.server.serve()
    assert log == ["start a test", "stop a"]


async def test_shutdown_tells_everybody_3001() -> None:
    async with run_server(ServerConfig(port=0, shutdown_slice=2)) as running:
        url = running.url
        clients = [await connect(url) for _ in range(5)]
        for client in clients:
            await ask(client, CONNECT)
        running.server.stop()
        assert [await close_code(client) for client in clients] == [3001] * 5
    assert running.node.snapshot().disconnects == {3001: 5}
    with pytest.raises(OSError, match=r"(?i)connect"):
        await connect(url)


async def test_shutdown_drops_who_does_not_leave() -> None:
    config = ServerConfig(port=0, close_wait_s=60.0, shutdown_timeout_s=0.2)
    async with run_server(config) as running:
        client = await BareClient.open(running)
        client.writer.write(frame(1, CONNECT.encode()))
        await client.read()
    assert await client.read_close() == 3001
    assert running.node.snapshot().faults == {"shutdown_timeout": 1}
    client.drop()


def test_the_server_runs_on_uvloop_in_a_thread() -> None:
    running = Running(ServerConfig(port=0, close_wait_s=0.5), limits=None, services=())
    thread = threading.Thread(target=running.server.run)
    thread.start()

    async def visit() -> None:
        while not running.server.is_started:  # noqa: ASYNC110  another loop's event
            await asyncio.sleep(0.01)
        async with connect(running.url) as client:
            await ask(client, CONNECT)
            assert await ask(client, '{"id":2,"subscribe":{"channel":"news"}}') == [{"id": 2, "subscribe": {}}]
            running.server.handover.publish(HandedPublication("news", b"1"))
            assert await client.recv() == '{"push":{"channel":"news","pub":{"data":1}}}'
            running.server.stop()
            with pytest.raises(ConnectionClosed) as caught:
                await client.recv()
            assert not isinstance(caught.value, ConnectionClosedOK)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(visit())
    finally:
        running.server.stop()
        thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("bad", [{"port": -1}, {"websocket_path": "x"}, {"close_wait_s": 0}])
def test_settings_outside_their_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        ServerConfig(**bad)  # type: ignore[arg-type]
