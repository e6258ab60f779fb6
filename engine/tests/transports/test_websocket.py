"""WebSocket connections to a real server.

With a real client library, and with bare sockets for what clients never do.
"""

import asyncio
import base64
import json
import os
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from engine.tests.server.running import Running, run_server
from vola.core.limits import Limits
from vola.errors import Disconnect
from vola.server.config import ServerConfig

CONNECT = '{"id":1,"connect":{"token":"ann"}}'
TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


async def close_code(client: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as caught:  # noqa: PT012  whatever comes before the close is skipped
        while True:
            await asyncio.wait_for(client.recv(), 5)
    assert caught.value.rcvd is not None
    return int(caught.value.rcvd.code)


async def ask(client: ClientConnection, frame: str) -> list[dict[str, Any]]:
    await client.send(frame)
    reply = await asyncio.wait_for(client.recv(), 5)
    assert isinstance(reply, str)
    return [json.loads(line) for line in reply.split("\n")]


def frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True, rsv: int = 0) -> bytes:
    """One frame as a client writes it; the mask is zero, so the payload stays readable."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask_bit = 0x80 if masked else 0
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, mask_bit | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, mask_bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, size)
    return head + (b"\0\0\0\0" if masked else b"") + payload


class BareClient:
    """A socket that says whatever it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, running: Running, *, port: int = 0, connection: str = "Upgrade") -> "BareClient":
        reader, writer = await asyncio.open_connection("127.0.0.1", port or running.server.port)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: {connection}\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        if not head.startswith(b"HTTP/1.1 101"):
            writer.close()
            raise ConnectionRefusedError(head.decode())
        return cls(reader, writer)

    async def read(self) -> tuple[int, bytes]:
        first, size = await asyncio.wait_for(self.reader.readexactly(2), 5)
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        return first & 15, await self.reader.readexactly(size)

    async def read_close(self) -> int:
        """The code of the close frame; everything before it is skipped."""
        while True:
            opcode, payload = await self.read()
            if opcode == CLOSE:
                (code,) = struct.unpack("!H", payload[:2])
                return int(code)

    def drop(self) -> None:
        self.writer.transport.abort()


async def test_a_client_connects_calls_and_leaves() -> None:
    async with run_server() as running:
        async with connect(running.url, additional_headers={"X-Test": "1"}) as client:
            (reply,) = await ask(client, CONNECT)
            assert reply["connect"]["ping"] == 25
            assert await ask(client, '{"id":2,"rpc":{"method":"echo","data":"é"}}') == [{"id": 2, "rpc": {"data": "é"}}]
        handshake = running.doorman.attempts[0].handshake
        assert (handshake.path, handshake.query, handshake.headers["x-test"]) == ("/connection/websocket", "", "1")
        assert handshake.peer.startswith("127.0.0.1:")
        await asyncio.sleep(0.05)
        assert running.node.snapshot().connections == 0
        assert running.node.snapshot().lost == 1


async def test_compression_is_not_offered_and_the_subprotocol_is_confirmed() -> None:
    async with run_server() as running:
        protocols: Sequence[Any] = ["centrifuge-protobuf", "centrifuge-json"]
        async with connect(running.url, subprotocols=protocols) as client:
            assert client.subprotocol == "centrifuge-json"
            assert client.response is not None
            assert "Sec-WebSocket-Extensions" not in client.response.headers


@pytest.mark.parametrize(
    ("path", "protocols", "status"),
    [
        ("/other", None, 404),
        ("/connection/websocket/", None, 404),
        ("/connection/websocket?format=protobuf", None, 501),
        ("/connection/websocket?cf_protocol=protobuf", None, 501),
        ("/connection/websocket", ["centrifuge-protobuf"], 501),
    ],
)
async def test_other_upgrades_are_refused(path: str, protocols: Any, status: int) -> None:
    async with run_server() as running:
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://127.0.0.1:{running.server.port}{path}", subprotocols=protocols)
        assert caught.value.response.status_code == status
        assert running.node.snapshot().malformed == {f"http_{status}": 1}


async def test_only_get_is_upgraded() -> None:
    async with run_server() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(
            b"POST /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert (await reader.read()).startswith(b"HTTP/1.1 405")
        writer.close()


async def test_the_number_of_connections_is_limited() -> None:
    async with run_server(ServerConfig(port=0, connections_max=1, close_wait_s=0.5)) as running:
        async with connect(running.url):
            with pytest.raises(InvalidStatus) as caught:
                await connect(running.url)
            assert caught.value.response.status_code == 503
        await asyncio.sleep(0.05)
        async with connect(running.url) as client:
            await ask(client, CONNECT)


async def test_firefox_s_connection_header_is_understood() -> None:
    async with run_server() as running:
        client = await BareClient.open(running, connection="keep-alive, Upgrade")
        client.writer.write(frame(TEXT, CONNECT.encode()))
        opcode, payload = await client.read()
        assert opcode == TEXT
        assert b'"connect"' in payload
        client.drop()


class EarlyUpgrade(asyncio.Protocol):
    """An HTTP server that upgrades, and whose peer has said `early` before the socket is handed over."""

    def __init__(self, running: Running, early: bytes) -> None:
        self.running, self.early = running, early

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        upgrade = self.running.server.websocket.create_protocol(None, None, None)
        upgrade.connection_made(self.transport)
        head, _, headers = data.partition(b"\r\n")
        upgrade.data_received(
            head
            + b"\r\n"
            + headers.replace(b"Sec-WebSocket", b"sec-websocket")
            .replace(b"-Key", b"-key")
            .replace(b"-Version", b"-version")
        )
        self.transport.set_protocol(upgrade)
        upgrade.data_received(self.early)


@pytest.mark.parametrize(("size", "is_taken"), [(0, True), (70_000, False)])
async def test_what_a_peer_says_before_the_answer_is_kept_up_to_the_limit(size: int, is_taken: bool) -> None:
    async with run_server() as running:
        early = frame(TEXT, CONNECT.encode()) + b"x" * size
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: EarlyUpgrade(running, early), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        if is_taken:
            client = await BareClient.open(running, port=port)
            assert (await client.read())[0] == TEXT
            client.drop()
        else:
            with pytest.raises(ConnectionRefusedError, match=r"HTTP/1\.1 400"):
                await BareClient.open(running, port=port)
        server.close()
        await server.wait_closed()


async def test_a_key_that_is_none_is_refused() -> None:
    async with run_server() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(
            b"GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Cookie: a=1\r\nCookie: b=2\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        writer.close()
        await asyncio.sleep(0.05)
        assert running.node.snapshot().connections == 0


@pytest.mark.parametrize(
    ("frames", "code", "counted_as"),
    [
        ([frame(TEXT, b"{}", masked=False)], 1002, "websocket_frame"),
        ([frame(3, b"x")], 1002, "websocket_frame"),
        ([frame(PING, b"x" * 126)], 1002, "websocket_frame"),
        ([frame(PING, b"x", fin=False)], 1002, "websocket_frame"),
        ([frame(TEXT, b"x" * 65_537)], 1009, "websocket_frame"),
        ([frame(TEXT, b"{}", rsv=4)], 1002, "malformed_frame"),
        ([frame(CONTINUATION, b"{}")], 1002, "malformed_frame"),
        ([frame(TEXT, b"{", fin=False), frame(TEXT, b"}")], 1002, "malformed_frame"),
        ([frame(TEXT, b"x" * 60_000, fin=False), frame(CONTINUATION, b"x" * 6_000)], 1009, "frame_too_large"),
        ([frame(BINARY, b"{}")], 3501, "binary_frame"),
        ([frame(TEXT, b'"\xff"')], 1007, "malformed_frame"),
        ([frame(TEXT, b"")], 3501, "malformed_frame"),
    ],
)
async def test_a_bad_frame_ends_its_connection_only(frames: list[bytes], code: int, counted_as: str) -> None:
    async with run_server() as running, connect(running.url) as neighbour:
        await ask(neighbour, CONNECT)
        client = await BareClient.open(running)
        client.writer.write(frame(TEXT, CONNECT.encode()))
        await client.read()
        for data in frames:
            client.writer.write(data)
        assert await client.read_close() == code
        client.drop()
        await asyncio.sleep(0.05)
        snapshot = running.node.snapshot()
        assert snapshot.malformed == {counted_as: 1}
        assert snapshot.connections == 1
        assert await ask(neighbour, '{"id":2,"rpc":{"method":"echo","data":1}}') == [{"id": 2, "rpc": {"data": 1}}]


async def test_a_fragmented_message_is_put_together_around_a_ping() -> None:
    async with run_server() as running:
        client = await BareClient.open(running)
        client.writer.write(frame(TEXT, CONNECT[:9].encode(), fin=False))
        client.writer.write(frame(PING, b"hello") + frame(PONG, b"x"))
        client.writer.write(frame(CONTINUATION, CONNECT[9:20].encode(), fin=False))
        client.writer.write(frame(CONTINUATION, CONNECT[20:].encode()))
        assert await client.read() == (PONG, b"hello")
        opcode, payload = await client.read()
        assert opcode == TEXT
        assert json.loads(payload)["id"] == 1
        client.drop()


async def test_a_peer_s_close_is_answered_with_its_code() -> None:
    async with run_server() as running:
        for payload, code in ((struct.pack("!H", 4001) + b"bye", 4001), (b"", 1000)):
            client = await BareClient.open(running)
            client.writer.write(frame(CLOSE, payload))
            assert await client.read_close() == code
            assert await client.reader.read() == b""
            client.writer.close()
        assert running.node.snapshot().connections == 0
        assert running.node.snapshot().lost == 2


async def test_a_close_reason_is_cut_to_what_a_frame_holds() -> None:
    async with run_server() as running, connect(running.url) as client:
        running.doorman.answer = Disconnect(4501, "ä" * 100)
        await client.send(CONNECT)
        assert await close_code(client) == 4501
        assert client.close_reason == "ä" * 61


async def test_a_peer_that_never_answers_the_close_is_dropped() -> None:
    async with run_server(ServerConfig(port=0, close_wait_s=0.1)) as running:
        client = await BareClient.open(running)
        client.writer.write(frame(TEXT, b"nope"))
        assert await client.read_close() == 3501
        client.writer.write(frame(TEXT, b"more") + frame(PING, b""))
        assert await asyncio.wait_for(client.reader.read(), 2) == b""
        assert running.server.websocket.connections == set()
        client.writer.close()


async def test_a_half_open_peer_is_ended_by_the_missing_pong() -> None:
    limits = Limits(ping_interval_s=0.2, pong_timeout_s=0.1, timer_tick_s=0.02)
    async with run_server(limits=limits) as running:
        silent = await BareClient.open(running)
        silent.writer.write(frame(TEXT, CONNECT.encode()))
        assert await silent.read_close() == 3012
        silent.drop()


async def test_a_peer_that_reads_nothing_is_slow_and_dropped() -> None:
    limits = Limits(queue_max_bytes=300_000, latest_backlog_max_bytes=65_536)
    async with run_server(ServerConfig(port=0, close_wait_s=0.1), limits=limits) as running:
        client = await BareClient.open(running)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.writer.write(frame(TEXT, CONNECT.encode()))
        client.writer.write(frame(TEXT, b'{"id":2,"subscribe":{"channel":"news"}}'))
        payload = json.dumps("x" * 50_000).encode()
        for _ in range(600):
            running.node.publish("news", payload)
            await asyncio.sleep(0.001)
            if running.node.snapshot().disconnects:
                break
        assert running.node.snapshot().disconnects == {3008: 1}
        await asyncio.sleep(0.3)
        assert running.server.websocket.connections == set()
        client.drop()


async def test_a_flood_of_pings_by_a_peer_that_reads_nothing_is_slow() -> None:
    limits = Limits(queue_max_bytes=100_000)
    async with run_server(ServerConfig(port=0, close_wait_s=0.1), limits=limits) as running:
        client = await BareClient.open(running)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        pings = frame(PING, b"x" * 120) * 500
        for _ in range(1_000):
            client.writer.write(pings)
            await asyncio.sleep(0.001)
            if running.node.snapshot().disconnects:
                break
        assert running.node.snapshot().disconnects == {3008: 1}
        client.drop()
