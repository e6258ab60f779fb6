"""Who may subscribe to what, asked of the registered channel classes with real users; names that are out of range."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser

from dispatch.core.tiles import CELL_LEVELS, TILE_LEVELS
from dispatch.ingest.registry import DeviceEntry
from dispatch.live.channels import CellsChannel, SummaryChannel, TileChannel, VehicleChannel
from dispatch.live.errors import LiveNotRunning
from dispatch.tests.live.conftest import Site
from dispatch.tests.live.console_model import nothing
from dispatch.tests.live.worlds import World
from vola.django import Channel, Delivery
from vola.django.channels import registry


def channels_of(fleet_id: int, *, device_id: int) -> list[Channel]:
    """One of each, as names are resolved on a subscribe."""
    made = (
        TileChannel(fleet_id=fleet_id, level=5, x=3, y=4),
        CellsChannel(fleet_id=fleet_id, level=0, x=0, y=0),
        SummaryChannel(fleet_id=fleet_id),
        VehicleChannel(fleet_id=fleet_id, device_id=device_id),
    )
    found = [registry.resolve(channel.name) for channel in made]
    assert [type(channel) for channel in found] == [TileChannel, CellsChannel, SummaryChannel, VehicleChannel]
    return [channel for channel in found if channel is not None]


def answers(user: Any, channels: list[Channel]) -> list[Any]:
    return [channel.may_subscribe(user) for channel in channels]


def test_channels_are_open_to_those_who_may_see_the_fleet_and_to_nobody_else(site: Site) -> None:
    north = channels_of(site.north.pk, device_id=site.north_devices[0].pk)
    south = channels_of(site.south.pk, device_id=site.south_device.pk)

    assert answers(site.seer, north) == [True] * 4
    assert answers(site.seer, south) == [False] * 4
    assert answers(site.chief, north + south) == [True] * 8
    for user in (site.stranger, site.retired, AnonymousUser(), None, DeviceEntry(1, "tracker", 0)):
        assert answers(user, north + south) == [False] * 8


def test_a_vehicle_of_another_fleet_cannot_be_followed_through_a_visible_one(site: Site) -> None:
    channel = VehicleChannel(fleet_id=site.north.pk, device_id=site.south_device.pk)

    assert channel.may_subscribe(site.seer) is False
    assert channel.may_subscribe(site.chief) is False


def test_nothing_but_subscribing_is_ever_allowed(site: Site) -> None:
    for channel in channels_of(site.north.pk, device_id=site.north_devices[0].pk):
        assert channel.may_publish(site.chief) is False
        assert channel.may_see_history(site.chief) is False
        assert channel.may_see_presence(site.chief) is False


@pytest.mark.parametrize(
    "name",
    [
        *(f"fleet:tile:1:{level}:0:0" for level in range(-1, 32) if level not in TILE_LEVELS),
        *(f"fleet:cells:1:{level}:0:0" for level in range(-1, 32) if level not in CELL_LEVELS),
        "fleet:tile:1:5:32:0",
        "fleet:tile:1:5:0:32",
        "fleet:tile:1:5:-1:0",
        "fleet:cells:1:0:1:0",
        "fleet:cells:1:0:0:-1",
        "fleet:tile:0:5:0:0",
        "fleet:summary:0",
        "fleet:summary:-1",
        "fleet:summary:2147483648",
        "fleet:vehicle:1:0",
        "fleet:vehicle:1:2147483648",
        "fleet:vehicle:1",
        "fleet:tile:1:5:0:0:0",
        "fleet:tile:1:5:00:0",
    ],
)
def test_a_name_out_of_range_names_no_channel(name: str) -> None:
    assert registry.resolve(name) is None


@pytest.mark.parametrize("name", ["fleet:tile:1:14:16383:16383", "fleet:cells:1:11:2047:0", "fleet:cells:1:0:0:0"])
def test_the_last_tile_of_a_level_is_a_channel(name: str) -> None:
    channel = registry.resolve(name)

    assert channel is not None
    assert channel.rules.delivery is Delivery.LATEST
    assert channel.rules.open_source is not None


def test_sources_come_from_the_map_that_runs_and_without_one_there_are_none(
    run_live: Callable[[World], World],
) -> None:
    channels: list[Channel] = [
        TileChannel(fleet_id=11, level=5, x=3, y=4),
        CellsChannel(fleet_id=11, level=0, x=0, y=0),
    ]
    channels += [SummaryChannel(fleet_id=11), VehicleChannel(fleet_id=11, device_id=1)]
    with pytest.raises(LiveNotRunning):
        channels[0].open_source(nothing)

    world = run_live(World())

    async def payloads() -> list[bytes]:
        sources = [channel.open_source(nothing) for channel in channels]
        found = [source.snapshot().payloads[0] for source in sources]
        for source in sources:
            source.close()
        return found

    tile, cells, summary, vehicle = async_to_sync(asyncio.wait_for)(payloads(), timeout=10)
    assert (tile[:1], cells[:1]) == (b'"', b'"')
    assert (json.loads(summary)["fleet_id"], json.loads(vehicle)["id"]) == (11, 1)
    assert world.service.is_unwatched
