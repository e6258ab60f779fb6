"""The live map: counts add up to the fleet, clocks make statuses, and only what changed for a watcher is woken."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from dispatch.core.clock import FleetClock
from dispatch.core.frames import Tile
from dispatch.core.status import OFFLINE_AFTER_MS, Status
from dispatch.live.errors import LiveNotRunning
from dispatch.live.service import TileService, running_service
from dispatch.tests.core.fixes import Row
from dispatch.tests.live.console_model import counts_of, fresh, nothing
from dispatch.tests.live.worlds import START_MS, World, everywhere
from vola.django import LatestSource


def content(source: LatestSource) -> Any:
    """What a JSON source holds now."""
    (payload,) = source.snapshot().payloads
    return json.loads(payload)


def counter_of(wakes: Counter[str], name: str) -> Callable[[], None]:
    """A ``changed`` that counts under a name."""
    return lambda: wakes.update([name])


def tiles_of(level: int) -> list[Tile]:
    return [Tile(level, x, y) for x in range(2**level) for y in range(2**level)]


@pytest.mark.parametrize("level", [0, 1, 3])
def test_cells_of_all_tiles_and_the_unlocated_add_up_to_the_summary_and_the_fleet(level: int) -> None:
    world = World()
    world.add(*range(1, 301))
    world.add(*range(301, 320), fleet_index=1)
    world.report(*everywhere(280))
    world.tick(after_ms=OFFLINE_AFTER_MS - 1_000)
    world.report(*(Row(n, world.wall_ms, 10.0, 10.0) for n in range(281, 290)))
    world.tick(after_ms=2_000)

    opens = world.service.open_cells
    sums = [counts_of(opens(11, tile=tile, changed=nothing).snapshot()) for tile in tiles_of(level)]
    by_status = [sum(counts[status] for _, counts in sums) for status in Status]
    summary = content(world.service.open_summary(11, changed=nothing))

    assert [tile for tile, _ in sums] == tiles_of(level)
    assert by_status == [0, 0, 9, 280, 0]
    assert summary["counts"] == {"unlocated": 11, "moving": 0, "idle": 9, "offline": 280, "alert": 0}
    assert sum(by_status) + summary["counts"]["unlocated"] == summary["total"] == 300


def test_vehicles_of_all_tiles_of_level_five_and_the_unlocated_are_the_fleet() -> None:
    world = World()
    world.add(*range(1, 301))
    world.report(*everywhere(280))
    world.tick()

    shown = [
        device_id
        for tile in tiles_of(5)
        for device_id in fresh(world.service.open_tile(11, tile=tile, changed=nothing))
    ]

    assert sorted(shown) == list(range(1, 281))


def test_a_summary_tells_the_clock_the_bounds_and_the_rate() -> None:
    world = World()
    fleet_start_ms = 1_212_710_400_000
    world.fleets[1].clock = FleetClock(120.0, START_MS, fleet_start_ms)
    world.add(1, 2, 3, fleet_index=1)
    world.tick()
    world.report(Row(1, fleet_start_ms, 37.0, -122.5), Row(2, fleet_start_ms, 38.0, -122.0))
    world.tick(after_ms=1_500)

    assert content(world.service.open_summary(22, changed=nothing)) == {
        "fleet_id": 22,
        "name": "South",
        "clock_ms": fleet_start_ms + 2_000 * 120,
        "clock_speed": 120.0,
        "wall_ms": START_MS + 2_000,
        "counts": {"unlocated": 1, "moving": 0, "idle": 2, "offline": 0, "alert": 0},
        "total": 3,
        "bounds": [-122.5, 37.0, -122.0, 38.0],
        "rates": {"fixes_per_s": 1.0},
    }
    assert content(world.service.open_summary(11, changed=nothing))["bounds"] is None


def test_a_vehicle_goes_offline_by_its_fleets_clock_alone() -> None:
    world = World()
    world.fleets[1].clock = FleetClock(100.0, START_MS, START_MS)
    world.add(1)
    world.add(2, fleet_index=1)
    wakes: Counter[str] = Counter()
    followed = world.service.open_vehicle(22, device_id=2, changed=counter_of(wakes, "followed"))
    world.report(Row(1, START_MS, 1.0, 1.0, speed_mps=5.0), Row(2, START_MS, 1.0, 1.0, speed_mps=5.0))
    world.tick(after_ms=2_900)
    assert content(followed)["status"] == "moving"

    world.tick(after_ms=200)

    assert content(followed)["status"] == "offline"
    assert content(world.service.open_vehicle(11, device_id=1, changed=nothing))["status"] == "moving"
    assert world.service.devices_with_status(22, status=Status.OFFLINE) == [2]
    assert wakes["followed"] == 3  # its fix, the tick that showed it, the tick that took it offline


def test_only_sources_whose_content_changed_are_woken() -> None:
    world = World()
    world.add(1)
    world.add(2, fleet_index=1)
    world.report_now(1, 0.01, 0.01)
    world.report_now(2, 0.01, 0.01)
    world.tick()
    wakes: Counter[str] = Counter()
    service = world.service
    service.open_tile(11, tile=Tile(14, 8192, 8191), changed=counter_of(wakes, "here"))
    service.open_tile(11, tile=Tile(14, 8193, 8191), changed=counter_of(wakes, "beside"))
    service.open_tile(22, tile=Tile(14, 8192, 8191), changed=counter_of(wakes, "other fleet"))
    service.open_cells(11, tile=Tile(3, 4, 3), changed=counter_of(wakes, "cells"))
    service.open_summary(11, changed=counter_of(wakes, "summary"))

    world.tick()
    assert wakes == {"summary": 1}
    wakes.clear()
    world.report_now(1, 0.011, 0.011)
    world.tick()
    assert wakes == {"summary": 1, "here": 1}
    wakes.clear()
    world.report_now(1, 0.011, 0.03)
    world.tick()
    assert wakes == {"summary": 1, "here": 1, "beside": 1}
    wakes.clear()
    world.report_now(1, 0.011, 0.03, speed_mps=5.0)
    world.tick()
    assert wakes == {"summary": 1, "beside": 1, "cells": 1}


def test_a_followed_vehicle_is_woken_at_every_applied_batch_and_closed_sources_no_more() -> None:
    world = World()
    world.add(1, 2)
    wakes: Counter[str] = Counter()
    source = world.service.open_vehicle(11, device_id=1, changed=counter_of(wakes, "followed"))
    before = source.snapshot().version

    world.report_now(1, 1.0, 1.0, speed_mps=3.0)
    world.report_now(2, 1.0, 1.0)

    frames = source.changes(before)
    assert wakes["followed"] == 1
    assert frames is not None
    assert json.loads(frames.payloads[0]) == {
        "id": 1,
        "status": "moving",
        "lat": 1.0,
        "lon": 1.0,
        "speed_mps": 3.0,
        "course_deg": None,
        "altitude_m": None,
        "accuracy_m": 5000.0,
        "battery_pct": None,
        "fix_time_ms": START_MS + 1,
        "received_ms": START_MS + 1,
    }
    assert source.changes(frames.version) is None
    source.close()
    world.report_now(1, 1.0, 1.0)
    assert wakes["followed"] == 1


def test_a_device_that_moves_to_another_fleet_shows_nothing_to_the_old_ones_watchers() -> None:
    world = World()
    world.add(1)
    world.report_now(1, 1.0, 1.0)
    world.tick()
    wakes: Counter[str] = Counter()
    source = world.service.open_vehicle(11, device_id=1, changed=counter_of(wakes, "followed"))
    assert content(source)["lat"] == 1.0

    world.add(1, fleet_index=1)
    world.tick()

    assert wakes["followed"] == 1
    assert content(source) == {**dict.fromkeys(content(source)), "id": 1, "status": "unlocated"}


def test_closing_every_source_leaves_nothing_watched() -> None:
    world = World()
    world.add(1)
    service = world.service
    tile = Tile(11, 1024, 1023)
    sources: list[LatestSource] = [
        service.open_tile(11, tile=tile, changed=nothing),
        service.open_tile(11, tile=tile, changed=nothing),
        service.open_cells(11, tile=tile, changed=nothing),
        service.open_summary(11, changed=nothing),
        service.open_vehicle(11, device_id=1, changed=nothing),
    ]
    world.tick()

    for source in sources:
        source.close()

    changes = service.board.refresh(world.fleets, wall_ms=world.wall_ms)
    assert changes.levels == {}
    assert service.is_unwatched


async def test_a_started_service_ticks_by_itself_and_is_found() -> None:
    world = World()
    wakes: asyncio.Queue[None] = asyncio.Queue()
    world.service.open_summary(11, changed=lambda: wakes.put_nowait(None))
    with pytest.raises(LiveNotRunning, match="no live map runs"):
        running_service()

    await world.service.start()
    try:
        assert running_service() is world.service
        await asyncio.wait_for(wakes.get(), timeout=5)
        assert isinstance(running_service(), TileService)
    finally:
        await world.service.stop()

    with pytest.raises(LiveNotRunning):
        running_service()


async def test_who_comes_right_after_the_start_sees_the_whole_fleet() -> None:
    """The first tick came an interval after the start: who subscribed before it was told that the fleet is empty."""
    world = World()
    world.add(1, 2)
    world.report(Row(1, START_MS, 60.0, 24.0))
    await world.service.start()
    try:
        summary = content(world.service.open_summary(11, changed=nothing))
    finally:
        await world.service.stop()
    assert (summary["total"], summary["counts"]["unlocated"]) == (2, 1)
