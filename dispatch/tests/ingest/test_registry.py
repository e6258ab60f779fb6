"""Devices in memory: like the database, cheap to ask, and quick to forget."""

import timeit
from datetime import UTC, datetime

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.clock import FleetClock
from dispatch.core.tracker import Tracker
from dispatch.fleet import services
from dispatch.fleet.selectors import DeviceRow, FleetRow
from dispatch.ingest.rate import DeviceRate
from dispatch.ingest.registry import NO_SLOT, DeviceEntry, Registry
from dispatch.tests.ingest.fleets import Connections, Fixture, query, running, until

FLEETS = [FleetRow(7, "Seven", FleetClock()), FleetRow(9, "Nine", FleetClock())]


def registry_of(devices: list[DeviceRow]) -> Registry:
    registry = Registry(Tracker())
    registry.apply(registry.changes_from(FLEETS, devices, fleet_ids=None))
    return registry


async def test_a_new_device_may_send_at_once_and_a_rotated_secret_ends_its_connections(fleet: Fixture) -> None:
    node = Connections()
    async with running(node) as service:
        device, secret = await query(lambda: services.register_device(fleet.fleet, unique_id="new"))
        await until(lambda: service.registry.find("new") is not None)
        entry = service.registry.find("new")
        assert entry is not None
        assert entry.accepts(secret)
        assert service.tracker.slot_of(device.pk) == entry.slot
        rotated = await query(lambda: services.rotate_secret(device))
        await until(lambda: entry.accepts(rotated))
        assert not entry.accepts(secret)
        assert node.ended == [f"device:{device.pk}"]
        await query(lambda: services.deactivate([device]))
        await until(lambda: not entry.is_active)
        assert service.tracker.slot_of(device.pk) is None
        await query(device.delete)
        await query(lambda: services.notify_fleet(fleet.fleet.pk))
        await until(lambda: service.registry.find("new") is None)


async def test_a_clock_that_is_set_counts_at_once(fleet: Fixture) -> None:
    now = datetime.now(UTC)
    async with running() as service:
        await query(lambda: services.set_fleet_clock(fleet.fleet, speed=60.0, wall_at=now, fleet_at=now))
        await until(lambda: service.registry.fleets[0].clock.speed == 60.0)


async def test_what_no_notification_told_is_found_by_the_regular_reading(fleet: Fixture) -> None:
    with override_settings(DISPATCH={"REGISTRY_RELOAD_INTERVAL_S": 1}):
        async with running() as service:
            await query(type(fleet.devices["a"]).objects.filter(unique_id="a").delete)
            await until(lambda: service.registry.find("a") is None)


def test_a_device_that_moves_keeps_its_state_and_one_that_is_renamed_is_found_by_its_new_name() -> None:
    registry = registry_of([DeviceRow(1, 7, "one", None, True, True), DeviceRow(2, 7, "two", None, True, True)])
    entry = registry.find("one")
    assert entry is not None
    moved = [DeviceRow(1, 9, "two", None, True, True), DeviceRow(2, 7, "one", None, True, True)]
    registry.apply(registry.changes_from(FLEETS, moved, fleet_ids=[7, 9]))
    assert registry.find("two") is entry
    assert registry.fleets[entry.fleet_index].fleet_id == 9
    other = registry.find("one")
    assert other is not None
    assert other.device_id == 2


def test_reading_one_fleet_leaves_the_others_alone() -> None:
    registry = registry_of([DeviceRow(1, 7, "one", None, True, True), DeviceRow(2, 9, "two", None, True, True)])
    changes = registry.changes_from(FLEETS, [], fleet_ids=[7])
    assert [entry.device_id for entry in changes.gone] == [1]
    registry.apply(changes)
    assert registry.find("one") is None
    assert registry.find("two") is not None
    assert registry.active_device_ids() == [2]


def test_a_device_that_now_needs_a_secret_loses_the_connections_that_it_made_without_one() -> None:
    ended: list[DeviceEntry] = []
    registry = Registry(Tracker(), on_revoked=ended.append)
    for row, count in (
        (DeviceRow(1, 7, "one", None, True, True), 0),
        (DeviceRow(1, 7, "uno", None, True, True), 0),
        (DeviceRow(1, 7, "uno", b"x" * 32, False, True), 1),
        (DeviceRow(1, 9, "uno", b"x" * 32, False, True), 1),
        (DeviceRow(1, 9, "uno", b"x" * 32, False, False), 2),
    ):
        registry.apply(registry.changes_from(FLEETS, [row], fleet_ids=None))
        assert len(ended) == count


def test_an_unchanged_registry_has_nothing_to_apply() -> None:
    devices = [DeviceRow(n, 7, f"d{n}", b"x" * 32, False, True) for n in range(1, 100)]
    changes = registry_of(devices).changes_from(FLEETS, devices, fleet_ids=None)
    assert (changes.upserts, changes.gone) == ([], [])


@given(st.text(), st.binary(min_size=32, max_size=32))
def test_no_secret_but_the_right_one_is_accepted(secret: str, other_hash: bytes) -> None:
    entry = DeviceEntry(1, "a", 0, secret_sha256=other_hash)
    assert not entry.accepts(secret)
    assert not entry.accepts("")
    assert not DeviceEntry(1, "a", 0).accepts(secret)
    assert DeviceEntry(1, "a", 0, id_only=True).accepts(secret)
    assert entry.slot == NO_SLOT


def test_asking_for_an_unknown_device_costs_a_dict_look_up() -> None:
    registry = registry_of([DeviceRow(n, 7, f"d{n}", None, True, True) for n in range(1, 2_000)])
    assert timeit.timeit(lambda: registry.find("nobody"), number=10_000) / 10_000 < 5e-6


def test_a_devices_bucket_fills_again_with_time() -> None:
    rate = DeviceRate(rate_hz=10.0, burst=20.0)
    entry = DeviceEntry(1, "a", 0)
    assert rate.take(entry, 20, now_s=100.0)
    assert not rate.take(entry, 1, now_s=100.0)
    assert not rate.take(entry, 6, now_s=100.5)
    assert rate.take(entry, 5, now_s=100.5)
    assert rate.take(entry, 20, now_s=10_000.0)
    assert not rate.take(entry, 21, now_s=20_000.0)


def test_a_hash_is_in_no_text_about_a_device() -> None:
    text = repr(DeviceEntry(1, "a", 0, secret_sha256=b"h" * 32))
    assert "hhh" not in text
    with pytest.raises(AttributeError):
        DeviceEntry(1, "a", 0).unknown = 1  # type: ignore[attr-defined]
