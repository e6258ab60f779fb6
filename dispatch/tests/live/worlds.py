"""A tracker and a live map without a server: tests move the clock, report fixes and tick by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dispatch.core.clock import FleetClock
from dispatch.core.tracker import Tracker
from dispatch.live.service import TileService
from dispatch.live.sources import DEPARTURES_MAX
from dispatch.tests.core.fixes import Row, batch_of

START_MS = 1_700_000_000_000


@dataclass
class Fleet:
    """A fleet as the registry of a running node has it."""

    fleet_id: int
    name: str
    clock: FleetClock = field(default_factory=FleetClock)


class World:
    """Two fleets, 11 and 22 if not said otherwise (indexes 0 and 1), and no devices at first."""

    def __init__(
        self, *, departures_max: int = DEPARTURES_MAX, fleet_ids: tuple[int, int] = (11, 22), wall_ms: int = START_MS
    ) -> None:
        self.wall_ms = wall_ms
        self.fleets = [Fleet(fleet_ids[0], "North"), Fleet(fleet_ids[1], "South")]
        self.tracker = Tracker(capacity=2)
        self.service = TileService(
            self.tracker, fleets=lambda: self.fleets, wall_ms=lambda: self.wall_ms, departures_max=departures_max
        )

    def add(self, *device_ids: int, fleet_index: int = 0) -> None:
        """Register devices."""
        for device_id in device_ids:
            self.tracker.add_device(device_id, fleet_index)

    def report(self, *rows: Row) -> Sequence[int]:
        """Let fixes arrive in one batch and take the way of durable ones; the slots that changed."""
        batch = batch_of(self.tracker, rows)
        clocks_ms = np.array([fleet.clock.now_ms(self.wall_ms) for fleet in self.fleets], np.int64)
        assessment = self.tracker.assess(batch, now_ms=clocks_ms[self.tracker.fleet_index[batch.slot]])
        changed = self.tracker.apply(assessment)
        self.service.on_applied(changed)
        return [int(slot) for slot in changed]

    def report_now(self, device_id: int, lat: float, lon: float, *, speed_mps: float = 0.0) -> None:
        """One fix, a millisecond after the last; its accuracy excuses a jump of some kilometres."""
        self.wall_ms += 1
        self.report(Row(device_id, self.wall_ms, lat, lon, accuracy_m=5_000.0, speed_mps=speed_mps))

    def tick(self, *, after_ms: int = 500) -> None:
        """Let time pass, then tick."""
        self.wall_ms += after_ms
        self.service.tick()

    def located(self, fleet_id: int) -> set[int]:
        """Devices of a fleet that are shown somewhere."""
        board = self.service.board
        slots = board.fleet_slots(fleet_id)
        found: set[int] = set(board.device_id[slots[board.column[slots] >= 0]].tolist())
        return found


def everywhere(count: int) -> list[Row]:
    """Fixes of devices 1 to ``count`` all over the world, the poles and the antimeridian among them."""
    random = np.random.default_rng(7)
    lat, lon = random.uniform(-90, 90, count), random.uniform(-180, 180, count)
    lat[:4], lon[:4] = [90.0, -90.0, 89.0, 0.1], [0.0, 10.0, -180.0, 180.0]
    speed = random.choice([0.0, 9.0], count)
    return [Row(n + 1, START_MS, float(lat[n]), float(lon[n]), speed_mps=float(speed[n])) for n in range(count)]
