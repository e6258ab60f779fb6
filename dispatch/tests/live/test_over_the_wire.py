"""The live map through a real server: who may sees a reported fix on the map at once, a stranger is refused."""

import asyncio
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pytest
import websockets
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client

from dispatch.core.frames import FrameKind, VehicleFrame, decode_frame, payload_frame
from dispatch.core.tiles import grid_places
from dispatch.fleet.models import Device, Fleet
from dispatch.fleet.services import create_fleet, register_device
from dispatch.live.channels import SummaryChannel, TileChannel, VehicleChannel
from vola.django import Channel
from vola.testing import run_server

PERMISSION_DENIED = 103
UNKNOWN_CHANNEL = 102


class Dispatcher:
    """A connection of the JSON protocol, just enough for a test. Messages that wait for nobody are kept."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._kept: list[dict[str, Any]] = []
        self._sent = 0

    async def command(self, **command: Any) -> dict[str, Any]:
        """Send a command; its reply."""
        self._sent += 1
        await self._socket.send(json.dumps({"id": self._sent, **command}))
        return await self._find(lambda message: message.get("id") == self._sent)

    async def subscribe(self, channel: Channel | str) -> dict[str, Any]:
        """The reply to subscribing."""
        name = channel if isinstance(channel, str) else channel.name
        return await self.command(subscribe={"channel": name})

    async def publication(self, channel: Channel) -> Any:
        """The data of the next publication in a channel."""
        found = await self._find(lambda message: message.get("push", {}).get("channel") == channel.name)
        return found["push"]["pub"]["data"]

    async def _find(self, wanted: Any) -> dict[str, Any]:
        while True:
            for index, message in enumerate(self._kept):
                if wanted(message):
                    return self._kept.pop(index)
            text = await asyncio.wait_for(self._socket.recv(), timeout=10)
            for line in str(text).splitlines():
                if line == "{}":
                    await self._socket.send("{}")
                self._kept.append(json.loads(line))


class Site:
    """A running server with one fleet and one device."""

    def __init__(self, *, url: str, ws_url: str, fleet: Fleet, device: Device, secret: str) -> None:
        self.url, self.ws_url, self.fleet, self.device, self._secret = url, ws_url, fleet, device, secret

    @asynccontextmanager
    async def connected(self, cookie: str) -> AsyncIterator[Dispatcher]:
        """A dispatcher's open connection."""
        headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}", "Origin": self.url}
        async with websockets.connect(self.ws_url, additional_headers=headers) as socket:
            dispatcher = Dispatcher(socket)
            reply = await dispatcher.command(connect={})
            assert "connect" in reply, reply
            yield dispatcher

    async def report(self, lat: float, lon: float, *, speed_mps: float) -> int:
        """One fix of the device by HTTP; its fix time. Returns once it is durable."""
        fix_time_ms = time.time_ns() // 1_000_000
        fix = {"latitude": lat, "longitude": lon, "speed": speed_mps, "accuracy": 5_000}
        body = {"location": {"timestamp": fix_time_ms, "coords": fix}, "device_id": self.device.unique_id}
        request = urllib.request.Request(
            f"{self.url}/ingest/osmand",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._secret}"},
        )
        answer = await asyncio.to_thread(urllib.request.urlopen, request, timeout=10)
        assert answer.headers["Vola-Fix"].startswith("accepted")
        return fix_time_ms

    async def get(self, path: str, *, cookie: str) -> Any:
        """The body of a page of the API."""
        request = urllib.request.Request(f"{self.url}/api/dispatch/{path}")
        request.add_header("Cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}")
        answer = await asyncio.to_thread(urllib.request.urlopen, request, timeout=10)
        return json.load(answer)


def cookie_of(user: User) -> str:
    """A session of the user."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def site(transactional_db: None) -> Iterator[Site]:
    """The whole site in a process of its own, on the test's database."""
    fleet = create_fleet("Wire")
    device, secret = register_device(fleet, unique_id="wire-1", label="Wire 1")
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    environment = {"DATABASE_URL": urlunsplit(url), "VOLA_SECRET_KEY": settings.SECRET_KEY}
    with run_server(env=environment) as server:
        yield Site(url=server.url, ws_url=server.ws_url, fleet=fleet, device=device, secret=secret)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM history_fix WHERE device_id = %s", [device.pk])


@pytest.fixture
def seer(site: Site) -> str:
    """The session of a user who may see the fleet."""
    user = User.objects.create_user("seer")
    group = Group.objects.create(name="Wire dispatchers")
    site.fleet.groups.add(group)
    user.groups.add(group)
    return cookie_of(user)


@pytest.fixture
def stranger(site: Site) -> str:
    """The session of a user who may not."""
    return cookie_of(User.objects.create_user("stranger"))


@pytest.fixture
def overseer(site: Site) -> str:
    """The session of a member of staff who may see every fleet."""
    return cookie_of(User.objects.create_superuser("overseer"))


def tile_at(fleet: Fleet, lat: float, lon: float) -> TileChannel:
    column, row = grid_places(np.array([lat]), np.array([lon]))
    return TileChannel(fleet_id=fleet.pk, level=14, x=int(column[0]) >> 16, y=int(row[0]) >> 16)


def frame_of(data: str) -> VehicleFrame:
    frame = decode_frame(payload_frame(json.dumps(data).encode()))
    assert isinstance(frame, VehicleFrame)
    return frame


async def test_a_durable_fix_reaches_tile_vehicle_summary_and_list(site: Site, seer: str) -> None:
    tile = tile_at(site.fleet, 60.17, 24.94)
    vehicle = VehicleChannel(fleet_id=site.fleet.pk, device_id=site.device.pk)
    summary = SummaryChannel(fleet_id=site.fleet.pk)
    async with site.connected(seer) as dispatcher:
        first = await dispatcher.subscribe(tile)
        snapshot = frame_of(first["subscribe"]["publications"][0]["data"])
        assert (snapshot.kind, len(snapshot.rows)) == (FrameKind.SNAPSHOT, 0)
        await dispatcher.subscribe(vehicle)
        totals = (await dispatcher.subscribe(summary))["subscribe"]["publications"][0]["data"]
        assert (totals["total"], totals["counts"]["unlocated"]) == (1, 1)

        fix_time_ms = await site.report(60.17, 24.94, speed_mps=10.0)

        followed = await dispatcher.publication(vehicle)
        assert (followed["lat"], followed["lon"], followed["fix_time_ms"]) == (60.17, 24.94, fix_time_ms)
        shown = frame_of(await dispatcher.publication(tile))
        assert (shown.rows.id.tolist(), shown.rows.status.tolist()) == ([site.device.pk], [1])
        while totals["counts"]["moving"] != 1:
            totals = await dispatcher.publication(summary)

        page = await site.get(f"fleets/{site.fleet.pk}/vehicles?status=moving", cookie=seer)
        assert [(item["label"], item["fix_time_ms"]) for item in page["items"]] == [("Wire 1", fix_time_ms)]

        await site.report(60.17, 24.98, speed_mps=10.0)
        left = frame_of(await dispatcher.publication(tile))
        assert left.gone.tolist() == [site.device.pk] or (left.kind, len(left.rows)) == (FrameKind.SNAPSHOT, 0)


async def test_a_stranger_and_a_name_out_of_range_get_the_named_errors(site: Site, seer: str, stranger: str) -> None:
    tile = tile_at(site.fleet, 60.17, 24.94)
    async with site.connected(stranger) as dispatcher:
        assert (await dispatcher.subscribe(tile))["error"]["code"] == PERMISSION_DENIED
    async with site.connected(seer) as dispatcher:
        assert "subscribe" in await dispatcher.subscribe(tile)
        out_of_range = await dispatcher.subscribe(f"fleet:tile:{site.fleet.pk}:14:16384:0")
        assert out_of_range["error"]["code"] == UNKNOWN_CHANNEL


async def test_what_was_counted_is_for_staff_who_may_see_every_fleet(site: Site, seer: str, overseer: str) -> None:
    await site.report(60.17, 24.94, speed_mps=10.0)
    async with site.connected(seer) as dispatcher:
        await dispatcher.subscribe("no:such:channel")
        counted = await site.get("counters", cookie=overseer)
    assert (counted["ingest"]["received"], counted["ingest"]["accepted"], counted["ingest"]["waiting"]) == (1, 1, 0)
    assert counted["engine"]["connections"] == 1
    assert counted["engine"]["errors"] == {str(UNKNOWN_CHANNEL): 1}
    with pytest.raises(urllib.error.HTTPError, match="403"):
        await site.get("counters", cookie=seer)
