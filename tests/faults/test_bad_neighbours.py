"""Silent, slow, garbled and oversized peers do not harm a healthy device on the same server."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from websockets.asyncio.client import connect as websocket_connect
from websockets.exceptions import ConnectionClosed

from tests.running import MANAGE, run_command
from vola.testing import run_server

pytestmark = [pytest.mark.faults]

LATENCY_MAX_S = 1.0
"""Far above the commit's 50-100 ms, far below what a blocked loop or an exhausted pool would cost."""
FIX_COUNT = 30
SILENT_COUNT = 100
SLOW_COUNT = 50
GARBAGE_COUNT = 30


@asynccontextmanager
async def raw_connections(port: int, *, count: int, first_bytes: bytes) -> AsyncIterator[list[asyncio.StreamWriter]]:
    """Plain sockets that said ``first_bytes`` and then nothing."""
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first_bytes)
        writers.append(writer)
    try:
        yield writers
    finally:
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def report_healthily(url: str) -> list[float]:
    """A healthy device's fixes, one after the other; the seconds that each answer took."""
    took_s = []
    async with httpx.AsyncClient(base_url=url, timeout=10) as client:
        for number in range(FIX_COUNT):
            started_s = time.perf_counter()
            fix = {"id": "van", "lat": "60.17", "lon": "24.94", "timestamp": str(int(time.time()) - 100 + number)}
            answer = await client.get("/ingest/osmand", params=fix)
            took_s.append(time.perf_counter() - started_s)
            assert answer.headers["Vola-Fix"] == "accepted"
    return took_s


async def throw_garbage(port: int) -> None:
    """Bytes that are no HTTP."""
    for _ in range(GARBAGE_COUNT):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(os.urandom(4_096))
        try:
            await asyncio.wait_for(reader.read(), 5)
        except ConnectionError:
            continue
        finally:
            writer.close()


async def send_garbage_frames(websocket_url: str) -> list[int]:
    """WebSocket frames that are no commands; the close codes they earn."""
    codes = []
    for frame in ("", "{", "[]", '{"id":1,"connect":7}', "\x00" * 1_000, b"\xff\xfe" * 500):
        async with websocket_connect(websocket_url) as socket:
            try:
                await socket.send(frame)
                while True:
                    await asyncio.wait_for(socket.recv(), 5)
            except ConnectionClosed as closed:
                codes.append(closed.rcvd.code if closed.rcvd else 1006)
    return codes


async def send_oversize(url: str) -> tuple[int, int]:
    """A body over the limit, by HTTP and as a WebSocket frame; the status and the close code they earn."""
    async with httpx.AsyncClient(base_url=url, timeout=10) as client:
        answer = await client.post("/ingest/osmand?id=van", content=b"x" * 20_000_000)
    async with websocket_connect(url.replace("http", "ws") + "/connection/websocket") as socket:
        try:
            await socket.send("x" * 20_000_000)
            await asyncio.wait_for(socket.recv(), 5)
        except ConnectionClosed as closed:
            return answer.status_code, closed.rcvd.code if closed.rcvd else 1006
    return answer.status_code, 0


async def test_bad_neighbours_neither_stop_nor_slow_a_healthy_device(environment: dict[str, str]) -> None:
    script = (
        "from dispatch.fleet.services import create_fleet, register_device;"
        "register_device(create_fleet('Neighbours'), unique_id='van', id_only=True)"
    )
    await asyncio.to_thread(run_command, "shell", "-c", script, environment=environment)
    with run_server(manage=MANAGE, env=environment) as server:
        slow_body = b"POST /ingest/osmand HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nid=van&lat=6"
        slow_head = b"GET /ingest/osmand?id=van&lat=60 HTTP/1.1\r\nHost"
        async with (
            raw_connections(server.port, count=SILENT_COUNT, first_bytes=b""),
            raw_connections(server.port, count=SLOW_COUNT, first_bytes=slow_body),
            raw_connections(server.port, count=SLOW_COUNT, first_bytes=slow_head),
        ):
            took_s, _, close_codes, (oversize_status, oversize_code) = await asyncio.gather(
                report_healthily(server.url),
                throw_garbage(server.port),
                send_garbage_frames(server.ws_url),
                send_oversize(server.url),
            )
        assert max(took_s) < LATENCY_MAX_S, f"the slowest answer took {max(took_s):.2f} s"
        assert oversize_status == 413
        assert oversize_code == 1009
        assert set(close_codes) <= {1003, 1007, 3501}, f"garbage earned {close_codes}"
        assert server.exit_code is None
        assert "Traceback" not in server.log
