"""The running site as the tests see it: who can connect and what the server can be asked to do."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import websockets

from vola.testing import ServerProcess

__all__ = ["Raw", "Site", "User"]


@dataclass(frozen=True)
class User:
    """Somebody with a session."""

    id: str
    session: str

    @property
    def headers(self) -> dict[str, str]:
        """What a signed-in client that is no browser sends."""
        return {"Cookie": f"sessionid={self.session}"}


class Raw:
    """A WebSocket without any client library: sends and receives the protocol's objects."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection
        self._received: list[dict[str, Any]] = []

    async def send(self, *commands: Mapping[str, Any]) -> None:
        """Send commands in one frame."""
        await self.connection.send("\n".join(json.dumps(command) for command in commands))

    async def receive(self) -> dict[str, Any]:
        """The next reply or push."""
        while not self._received:
            frame = await self.connection.recv()
            assert isinstance(frame, str)
            self._received = [json.loads(line) for line in frame.strip().split("\n")]
        return self._received.pop(0)

    async def ask(self, **command: Any) -> dict[str, Any]:
        """Send one command and wait for its reply; pushes in between are dropped."""
        await self.send(command)
        while (reply := await self.receive()).get("id") != command["id"]:
            pass
        return reply

    async def closed(self) -> tuple[int, str]:
        """Wait for the end; answers the close code and reason."""
        try:
            async for _ in self.connection:
                pass
        except websockets.ConnectionClosed:
            pass
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""


class Site:
    """A running server and its users."""

    def __init__(self, server: ServerProcess, *, users: Mapping[str, User]) -> None:
        self.server = server
        self.users = users

    @property
    def ada(self) -> User:
        return self.users["ada"]

    @property
    def bob(self) -> User:
        return self.users["bob"]

    # verify=False spares each call the certificates, which plain HTTP does not need.

    async def publish(self, channel: str, data: Any, **options: Any) -> dict[str, Any]:
        """Publish from an ordinary Django view, inside a transaction."""
        async with httpx.AsyncClient(base_url=self.server.url, verify=False) as client:
            response = await client.post("/publish", json={"channel": channel, "data": data, **options})
            answer: dict[str, Any] = response.json()
            return answer

    async def get(self, path: str) -> httpx.Response:
        """GET a path of the server."""
        async with httpx.AsyncClient(base_url=self.server.url, verify=False) as client:
            return await client.get(path)

    @asynccontextmanager
    async def raw(self, user: User | None = None, *, origin: str | None = None) -> AsyncIterator[Raw]:
        """A connection that has not said anything yet."""
        headers = dict(user.headers) if user else {}
        if origin is not None:
            headers["Origin"] = origin
        async with websockets.connect(
            self.server.ws_url, additional_headers=headers, proxy=None, max_size=None
        ) as connection:
            yield Raw(connection)

    @asynccontextmanager
    async def connected(self, user: User | None = None) -> AsyncIterator[Raw]:
        """A connection that has connected, as Ada unless told otherwise."""
        async with self.raw(user or self.ada) as raw:
            reply = await raw.ask(id=1, connect={})
            assert "connect" in reply, reply
            yield raw
