"""Devices on a WebSocket, against the real server: who may connect, what they may do, and when it ends."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import websockets
from django.conf import settings
from django.db import connection
from websockets.asyncio.client import ClientConnection, connect

from dispatch.fleet import services
from dispatch.history.models import StoredFix
from dispatch.tests.ingest.fleets import Fixture, now_ms, query
from vola.testing import run_server
from vola.testing.server import ServerProcess


@pytest.fixture
def server(fleet: Fixture) -> Iterator[ServerProcess]:
    """The whole site in a process of its own, on the test's database."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    environment = {"DATABASE_URL": urlunsplit(url), "VOLA_SECRET_KEY": settings.SECRET_KEY}
    with run_server(env=environment) as running:
        yield running


class Phone:
    """A device that speaks the client protocol in JSON."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._id = 0

    async def command(self, **command: Any) -> dict[str, Any]:
        """Send a command; its reply."""
        self._id += 1
        await self._socket.send(json.dumps({"id": self._id, **command}))
        while True:
            for line in str(await self._socket.recv()).splitlines():
                reply: dict[str, Any] = json.loads(line)
                if reply.get("id") == self._id:
                    return reply

    async def report(self, data: object) -> dict[str, Any]:
        """Call dispatch.report_fix."""
        return await self.command(rpc={"method": "dispatch.report_fix", "data": data})

    async def ended(self) -> int:
        """Wait until the server ends the connection; its close code."""
        try:
            while True:
                await self._socket.recv()
        except websockets.ConnectionClosed:
            return self._socket.close_code or 0


@asynccontextmanager
async def phone(server: ServerProcess, data: object) -> AsyncIterator[tuple[Phone, dict[str, Any]]]:
    """A phone that sent its connect command, and the reply."""
    async with connect(server.ws_url) as socket:
        made = Phone(socket)
        yield made, await made.command(connect={"data": data, "name": "test"})


async def test_a_device_connects_with_its_secret_and_reports_one_fix_or_many(
    fleet: Fixture, server: ServerProcess
) -> None:
    at_ms = now_ms() - 10_000
    fix = {"timestamp": at_ms, "lat": 52.5, "lon": 13.25, "speed_mps": 3.5, "battery_pct": 80}
    async with phone(server, {"device_id": "a", "secret": fleet.secrets["a"]}) as (device, reply):
        assert "error" not in reply
        assert (await device.report(fix))["rpc"]["data"] == {"verdict": "accepted"}
        many = [fix | {"timestamp": at_ms + 1_000}, fix, {"lat": 0, "lon": 0}]
        assert (await device.report(many))["rpc"]["data"] == {
            "verdicts": [
                {"verdict": "accepted"},
                {"verdict": "duplicate"},
                {"verdict": "quarantined", "reason": "null_island"},
            ]
        }
        for nonsense in ({"lat": "north", "lon": 1}, 17, fix | {"timestamp": "soon"}):
            assert (await device.report(nonsense))["error"]["code"] == 400
        assert (await device.report([{}] * 1_001))["error"]["code"] == 413
        denied = await device.command(subscribe={"channel": f"fleet:summary:{fleet.fleet.pk}"})
        assert denied["error"]["code"] == 103
    assert await query(lambda: list(StoredFix.objects.values_list("speed_mps", flat=True))) == [3.5, 3.5]


async def test_rotating_the_secret_ends_the_devices_connection_for_good(fleet: Fixture, server: ServerProcess) -> None:
    old = {"device_id": "a", "secret": fleet.secrets["a"]}
    async with phone(server, old) as (device, _):
        await query(lambda: services.rotate_secret(fleet.devices["a"]))
        assert await device.ended() == 3500
    async with connect(server.ws_url) as socket:
        await socket.send(json.dumps({"id": 1, "connect": {"data": old}}))
        assert await Phone(socket).ended() == 3500


async def test_unknown_and_unproven_devices_are_refused_alike(fleet: Fixture, server: ServerProcess) -> None:
    for data in ({"device_id": "nobody"}, {"device_id": "a"}, {"device_id": "a", "secret": "wrong"}):
        async with connect(server.ws_url) as socket:
            await socket.send(json.dumps({"id": 1, "connect": {"data": data}}))
            assert await Phone(socket).ended() == 3500
    async with phone(server, {"device_id": "legacy-1"}) as (device, reply):
        assert "error" not in reply
        assert (await device.report({"lat": 52.5, "lon": 13.25}))["rpc"]["data"] == {"verdict": "accepted"}
