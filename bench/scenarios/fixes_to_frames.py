"""Fixes from devices to the dispatchers' maps: latency to the acknowledgement and to the frame, and that nothing is
lost."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import uvloop

from bench.load.devices import CENTRE_LAT, CENTRE_LON, SPREAD_DEG, STEP_DEG, DeviceLoad
from bench.load.record import Record
from bench.load.watcher import Watcher
from bench.measures import UsageWatch, percentiles_ms
from bench.people import BenchDevice, make_dispatcher, make_fleet, register
from bench.stack import Stack
from dispatch.core.tiles import grid_places

__all__ = ["Parameters", "run"]

TILE_LEVEL = 11
LEAD_S = 1.0
DRAIN_S = 20.0
SETTLE_S = 2.0
"""After the last answer, frames still come for this long: four ticks of the tiles."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Size of a run."""

    device_count: int
    rate_per_s: float
    duration_s: float
    watcher_count: int
    seed: int


def run(stack: Stack, parameters: Parameters) -> dict[str, Any]:
    """Load the server and report."""
    fleet = make_fleet("Bench")
    devices = register(fleet, count=parameters.device_count)
    cookies = [make_dispatcher(f"dispatcher-{number}") for number in range(parameters.watcher_count)]
    return uvloop.run(_measure(stack, parameters, fleet_id=fleet.pk, devices=devices, cookies=cookies))


async def _measure(
    stack: Stack, parameters: Parameters, *, fleet_id: int, devices: list[BenchDevice], cookies: list[str]
) -> dict[str, Any]:
    record = Record.planned(
        device_count=parameters.device_count,
        rate_per_s=parameters.rate_per_s,
        duration_s=parameters.duration_s,
        seed=parameters.seed,
    )
    load = DeviceLoad(record, devices=devices, seed=parameters.seed)
    device_ids = np.array([device.device_id for device in devices])
    watchers = [Watcher(record, device_ids=device_ids) for _ in cookies]
    channels = _channels(fleet_id)
    await asyncio.sleep(2.0)  # the server hears of the devices
    await load.open(stack.websocket_url)
    for watcher, cookie in zip(watchers, cookies, strict=True):
        await watcher.open(stack.websocket_url, cookie=cookie, origin=stack.url, channels=channels)
    await asyncio.sleep(1.0)
    started_s = time.perf_counter() + LEAD_S
    for watcher in watchers:
        watcher.start(started_s)
    with UsageWatch(stack.groups) as usage:
        await load.run(started_s=started_s)
        await load.drain(timeout_s=DRAIN_S)
    await asyncio.sleep(SETTLE_S)
    lost_connections = load.lost_count
    load.close()
    return {
        "connected": load.connected_count,
        "connect_errors": sorted(set(load.connect_errors)),
        "connections_lost": lost_connections,
        "watcher_problems": sorted({p for watcher in watchers for p in watcher.problems(channel_count=len(channels))}),
        "tiles_watched": len(channels),
        "frames": {
            "count": sum(watcher.frame_count for watcher in watchers),
            "bytes": sum(watcher.frame_bytes for watcher in watchers),
        },
        "sent": int((record.sends).sum()),
        "verdicts": record.verdicts,
        "refusals": {str(code): count for code, count in record.refusals.items()},
        "unanswered": int(np.isnan(record.acked_s).sum()) - sum(record.refusals.values()),
        "acked_and_missing_in_database": _missing(stack, record, load=load, devices=devices),
        "loader_behind_ms": percentiles_ms(record.sent_s - record.due_s),
        "ack_ms": percentiles_ms(record.acked_s - record.due_s),
        "frame_ms": percentiles_ms(np.concatenate([watcher.seen_s - record.due_s for watcher in watchers])),
        "never_seen": int(sum(np.isnan(watcher.seen_s).sum() for watcher in watchers)),
        "acked_per_s": _rate(record),
        "usage": usage.result,
    }


def _rate(record: Record) -> float:
    """Acknowledged fixes a second, from the start to the last acknowledgement."""
    acked_s = record.acked_s[~np.isnan(record.acked_s)]
    return round(len(acked_s) / float(acked_s.max()), 1) if len(acked_s) else 0.0


def _channels(fleet_id: int) -> list[str]:
    """The channels of the tiles that the devices are in."""
    lats = np.linspace(CENTRE_LAT - SPREAD_DEG, CENTRE_LAT + SPREAD_DEG + 200 * STEP_DEG, 50)
    lons = np.linspace(CENTRE_LON - 2 * SPREAD_DEG, CENTRE_LON + 2 * SPREAD_DEG, 50)
    grid_lat, grid_lon = (axis.ravel() for axis in np.meshgrid(lats, lons))
    column, row = grid_places(grid_lat, grid_lon)
    tiles = sorted(set(zip((column >> (30 - TILE_LEVEL)).tolist(), (row >> (30 - TILE_LEVEL)).tolist(), strict=True)))
    return [f"fleet:tile:{fleet_id}:{TILE_LEVEL}:{x}:{y}" for x, y in tiles]


def _missing(stack: Stack, record: Record, *, load: DeviceLoad, devices: list[BenchDevice]) -> int:
    """Acknowledged fixes that neither the history nor the quarantine holds; the proof that must be 0."""
    ids = [device.device_id for device in devices]
    with stack.database() as database:
        rows = database.execute(
            "SELECT device_id, (extract(epoch FROM fix_time) * 1000)::bigint FROM history_fix WHERE device_id = ANY(%s)"
            " UNION SELECT device_id, (extract(epoch FROM fix_time) * 1000)::bigint FROM history_quarantinedfix"
            " WHERE device_id = ANY(%s)",
            [ids, ids],
        ).fetchall()
    stored = {(int(str(device)), int(str(time_ms))) for device, time_ms in rows}
    missing = 0
    for index in np.flatnonzero(~np.isnan(record.acked_s)).tolist():
        device = devices[int(record.order[index % record.device_count])]
        missing += (device.device_id, load.fix_time_ms(index)) not in stored
    return missing
