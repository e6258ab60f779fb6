"""Peers that are slow, silent or verbose before they have said what they want."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.tests.server.running import Running, run_server
from vola.server.config import ServerConfig

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n"


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    config = ServerConfig(
        port=0, close_wait_s=0.5, http_head_max_bytes=4_096, http_head_timeout_s=0.3, http_body_timeout_s=0.3
    )
    async with run_server(config) as running:
        yield running


async def say(running: Running, *parts: bytes) -> bytes:
    """Everything that the server answers to bytes sent in parts, until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.02)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_peer_that_says_nothing_is_told_408_and_hung_up_on(running: Running) -> None:
    assert (await say(running)).startswith(b"HTTP/1.1 408 ")
    assert running.node.snapshot().malformed == {"http_408": 1}


async def test_a_head_that_never_ends_is_told_408(running: Running) -> None:
    assert (await say(running, GET, b"x-more: ")).startswith(b"HTTP/1.1 408 ")


async def test_the_second_request_of_a_connection_is_timed_too(running: Running) -> None:
    answer = await say(running, GET + b"\r\n", b"GET / HT")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


async def test_headers_beyond_the_limit_are_told_431(running: Running) -> None:
    line = b"x-filler: " + b"a" * 500 + b"\r\n"
    answer = await say(running, GET, *[line] * 8)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert running.node.snapshot().malformed == {"http_431": 1}


async def test_a_body_that_never_comes_ends_the_connection(running: Running) -> None:
    answer = await say(running, b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nhalf")
    assert b" 408 " not in answer, "the application had answered already"
    assert running.node.snapshot().malformed == {"http_408": 1}


async def test_an_idle_connection_and_a_long_body_in_time_are_left_alone(running: Running) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    for _ in range(2):
        body = b"b" * 20_000
        writer.write(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"page")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.5)
    assert running.node.snapshot().malformed == {}
    writer.close()
    await writer.wait_closed()
