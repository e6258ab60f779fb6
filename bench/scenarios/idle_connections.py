"""What an idle WebSocket costs: memory of the server per connection that is authenticated, then also subscribed to
one channel."""

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvloop

from bench.load.connection import Connection, Push, Reply, open_connection
from bench.load.waiting import wait_until
from bench.people import make_dispatcher, make_fleet
from bench.stack import Stack

__all__ = ["Parameters", "run"]

OPENING_COUNT_MAX = 50
"""Connections between their first byte and their authentication: a storm of log-ins is another question."""
ANSWER_TIMEOUT_S = 60.0
SETTLE_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Size of a run."""

    connection_count: int


class _Crowd:
    """Connections that count their answers."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.answers = 0
        self.errors: set[str] = set()

    async def open(self, stack: Stack, *, count: int, cookie: str) -> None:
        """Open all, a bounded number at a time."""
        gate = asyncio.Semaphore(OPENING_COUNT_MAX)

        async def connect() -> Connection:
            async with gate:
                answered = asyncio.Event()

                def on_reply(reply: Reply) -> None:
                    self._on_reply(reply)
                    answered.set()

                connection = await open_connection(
                    stack.websocket_url,
                    connect=b"{}",
                    headers={"Cookie": cookie, "Origin": stack.url},
                    replied=on_reply,
                    pushed=self._on_push,
                )
                await asyncio.wait_for(answered.wait(), ANSWER_TIMEOUT_S)
                return connection

        self.connections = await asyncio.gather(*(connect() for _ in range(count)))
        await self._wait(count)

    async def subscribe(self, channel: str) -> None:
        """Subscribe all to one channel."""
        self.answers = 0
        for number, connection in enumerate(self.connections, start=1):
            connection.send(b'{"id":2,"subscribe":{"channel":"%b"}}' % channel.encode())
            if number % OPENING_COUNT_MAX == 0:
                await wait_until(partial(self._has_answers, number), timeout_s=ANSWER_TIMEOUT_S)
        await self._wait(len(self.connections))

    async def visit(self, stack: Stack, *, cookie: str) -> None:
        """Come and go, so that what the server loads at first use is not counted as a connection's."""
        await self.open(stack, count=OPENING_COUNT_MAX, cookie=cookie)
        self.close()
        await asyncio.sleep(SETTLE_S)

    def close(self) -> None:
        """End all connections."""
        for connection in self.connections:
            if connection.transport is not None:
                connection.transport.disconnect()

    async def _wait(self, count: int) -> None:
        await wait_until(partial(self._has_answers, count), timeout_s=ANSWER_TIMEOUT_S)
        await asyncio.sleep(SETTLE_S)

    def _has_answers(self, count: int) -> bool:
        return self.answers >= count

    def _on_reply(self, reply: Reply) -> None:
        self.answers += 1
        if reply.error is not None:
            self.errors.add(reply.error.message)

    def _on_push(self, push: Push) -> None:
        """Frames are not looked at here."""


def run(stack: Stack, parameters: Parameters) -> dict[str, Any]:
    """Connect, look, subscribe, look again."""
    fleet = make_fleet("Bench")
    cookie = make_dispatcher("dispatcher")
    return uvloop.run(_measure(stack, parameters, fleet_id=fleet.pk, cookie=cookie))


async def _measure(stack: Stack, parameters: Parameters, *, fleet_id: int, cookie: str) -> dict[str, Any]:
    server = stack.groups["server"]
    crowd = _Crowd()
    await _Crowd().visit(stack, cookie=cookie)
    before = server.memory_bytes()
    started_s = time.perf_counter()
    await crowd.open(stack, count=parameters.connection_count, cookie=cookie)
    opened_s = time.perf_counter() - started_s - SETTLE_S
    connected = server.memory_bytes()
    connected_answers = crowd.answers
    await crowd.subscribe(f"fleet:summary:{fleet_id}")
    subscribed = server.memory_bytes()
    lost = sum(connection.is_lost for connection in crowd.connections)
    crowd.close()
    count = parameters.connection_count
    return {
        "connected": connected_answers,
        "subscribed": crowd.answers,
        "connections_lost": lost,
        "errors": sorted(crowd.errors),
        "opened_s": round(opened_s, 2),
        "server_mb_before": round(before / 1e6, 1),
        "kb_a_connection": round((connected - before) / count / 1e3, 2),
        "kb_a_subscribed_connection": round((subscribed - before) / count / 1e3, 2),
    }
