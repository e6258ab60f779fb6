"""Frames merged since any version equal a fresh snapshot, whatever happened in between."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dispatch.core.frames import FrameKind, Tile
from dispatch.core.status import OFFLINE_AFTER_MS
from dispatch.tests.live.console_model import TileModel, fresh, nothing
from dispatch.tests.live.worlds import World

# Four tiles of each level meet at latitude 0, longitude 0; one of level 14 is 0.022 degrees wide.
FINE = [Tile(14, x, y) for x in (8191, 8192) for y in (8191, 8192)]
WIDE = [Tile(5, x, y) for x in (15, 16) for y in (15, 16)]

degrees = st.sampled_from([-0.03, -0.01, -0.001, 0.001, 0.01, 0.03])
devices = st.integers(1, 5)


class MapMachine(RuleBasedStateMachine):
    """Random traffic, clocks, registrations and slow clients."""

    world: World | None = None

    @initialize(departures_max=st.sampled_from([0, 2, 10_000]))
    def start(self, departures_max: int) -> None:
        self.world = World(departures_max=departures_max)
        self.world.add(1, 2, 3)
        opens = self.world.service.open_tile
        self.wide = {fleet: [opens(fleet, tile=tile, changed=nothing) for tile in WIDE] for fleet in (11, 22)}
        fine = [opens(fleet, tile=tile, changed=nothing) for tile in FINE for fleet in (11, 22)]
        self.clients = [TileModel(source) for source in [*fine, *self.wide[11], *self.wide[22]]]
        for client in self.clients:
            client.subscribe()

    @rule(device_id=devices, lat=degrees, lon=degrees, speed=st.sampled_from([0.0, 5.0, float("nan")]))
    def report(self, device_id: int, lat: float, lon: float, speed: float) -> None:
        assert self.world
        if self.world.tracker.slot_of(device_id) is not None:
            self.world.report_now(device_id, lat, lon, speed_mps=speed)

    @rule(device_id=devices, fleet_index=st.integers(0, 1))
    def register(self, device_id: int, fleet_index: int) -> None:
        assert self.world
        self.world.add(device_id, fleet_index=fleet_index)

    @rule(device_id=devices)
    def forget(self, device_id: int) -> None:
        assert self.world
        slot = self.world.tracker.slot_of(device_id)
        if slot is not None:
            self.world.tracker.remove_device(slot)

    @rule(after_ms=st.sampled_from([500, 500, 500, OFFLINE_AFTER_MS]))
    def tick(self, after_ms: int) -> None:
        assert self.world
        self.world.tick(after_ms=after_ms)

    @rule(index=st.integers(0, 15))
    def one_client_catches_up(self, index: int) -> None:
        client = self.clients[index]
        client.pull()
        assert client.vehicles == fresh(client.source)
        assert client.source.changes(client.version) is None

    @precondition(lambda self: self.world is not None)
    @invariant()
    def the_tiles_of_a_fleet_hold_its_located_vehicles_once_each(self) -> None:
        assert self.world
        for fleet_id, sources in self.wide.items():
            shown = [device_id for source in sources for device_id in fresh(source)]
            assert sorted(shown) == sorted(self.world.located(fleet_id))


MapMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestMergedFramesEqualAFreshSnapshot = MapMachine.TestCase


def test_a_client_that_missed_many_ticks_gets_one_delta_with_everything_in_it() -> None:
    world = World()
    world.add(*range(1, 41))
    for device_id in range(1, 41):
        world.report_now(device_id, 0.01, 0.01)
    world.tick()
    client = TileModel(world.service.open_tile(11, tile=Tile(14, 8192, 8191), changed=nothing))
    client.subscribe()

    for device_id, lon in ((1, 0.011), (2, 0.03), (3, 0.012), (3, 0.013)):
        world.report_now(device_id, 0.01, lon)
        world.tick()
    client.pull()

    assert client.kinds == [FrameKind.SNAPSHOT, FrameKind.DELTA]
    assert 2 not in client.vehicles
    assert client.vehicles == fresh(client.source)


def test_a_client_from_before_the_oldest_remembered_departure_gets_a_snapshot() -> None:
    world = World(departures_max=1)
    world.add(*range(1, 41))
    for device_id in range(1, 41):
        world.report_now(device_id, 0.01, 0.01)
    world.tick()
    client = TileModel(world.service.open_tile(11, tile=Tile(14, 8192, 8191), changed=nothing))
    client.subscribe()

    for device_id in (1, 2):
        world.report_now(device_id, 0.01, 0.03)
        world.tick()
    client.pull()

    assert client.kinds == [FrameKind.SNAPSHOT, FrameKind.SNAPSHOT]
    assert client.vehicles.keys() == set(range(3, 41))


def test_a_slot_that_goes_to_another_device_takes_the_old_one_off_the_map() -> None:
    world = World()
    world.add(1)
    world.report_now(1, 0.01, 0.01)
    world.tick()
    client = TileModel(world.service.open_tile(11, tile=Tile(14, 8192, 8191), changed=nothing))
    client.subscribe()

    world.tracker.remove_device(0)
    world.add(2)
    world.report_now(2, 0.01, 0.01)
    world.tick()
    client.pull()

    assert client.vehicles.keys() == {2}
