"""Fleets and devices are found or made before the first fix; nobody's real device is locked out by accident."""

from datetime import UTC, datetime

import pytest

from dispatch.feeding.enrolment import (
    anchor_clock,
    enrol,
    find_fleet,
    find_or_make_fleet,
    hold_clock,
    register_vans,
    take_devices,
)
from dispatch.feeding.errors import FleetUnclearError, ForeignDeviceError
from dispatch.fleet.models import Device
from dispatch.fleet.services import create_fleet, deactivate, hash_secret, register_device

pytestmark = pytest.mark.django_db


def test_a_replay_makes_its_fleet_once_and_finds_it_again() -> None:
    assert find_or_make_fleet("Taxis").pk == find_or_make_fleet("Taxis").pk


def test_a_fleet_is_found_by_name_by_key_or_as_the_only_one() -> None:
    taxis = create_fleet("Taxis")
    assert find_fleet("").pk == taxis.pk
    vans = create_fleet("Vans")
    assert find_fleet("Vans").pk == find_fleet(str(vans.pk)).pk == vans.pk
    with pytest.raises(FleetUnclearError, match="Taxis, Vans"):
        find_fleet("")
    with pytest.raises(FleetUnclearError, match="'Bikes'"):
        find_fleet("Bikes")


def test_enrolling_twice_registers_each_device_once() -> None:
    fleet = create_fleet("Taxis")
    enrol(fleet, ["a", "b"])
    enrol(fleet, ["a", "b", "c"])
    assert list(Device.objects.filter(fleet=fleet).order_by("unique_id").values_list("unique_id", "id_only")) == [
        ("a", True),
        ("b", True),
        ("c", True),
    ]


def test_a_replay_takes_neither_another_fleets_device_nor_one_with_a_secret_nor_an_inactive_one() -> None:
    fleet, other = create_fleet("Taxis"), create_fleet("Vans")
    register_device(other, unique_id="foreign", id_only=True)
    register_device(fleet, unique_id="secret")
    sleeping, _ = register_device(fleet, unique_id="sleeping", id_only=True)
    deactivate([sleeping])
    for unique_id in ("foreign", "secret", "sleeping"):
        with pytest.raises(ForeignDeviceError, match=unique_id):
            enrol(fleet, ["fresh", unique_id])
    assert not Device.objects.filter(unique_id="fresh").exists()


def test_simulated_vans_with_secrets_get_new_ones_at_every_start() -> None:
    fleet = create_fleet("Vans")
    first = dict(register_vans(fleet, count=2, with_secrets=True))
    second = dict(register_vans(fleet, count=3, with_secrets=True))
    assert len(second) == 3
    assert set(first) < set(second)
    assert all(first[unique_id] != second[unique_id] for unique_id in first)
    for device in Device.objects.filter(fleet=fleet):
        assert device.secret_hash is not None
        assert bytes(device.secret_hash) == hash_secret(second[device.unique_id])


def test_devices_with_a_secret_are_driven_only_when_their_secrets_may_be_renewed() -> None:
    fleet = create_fleet("Vans")
    register_device(fleet, unique_id="legacy", id_only=True)
    _, secret = register_device(fleet, unique_id="real")
    assert take_devices(fleet, renew_secrets=False) == [("legacy", "")]
    (legacy, renewed) = take_devices(fleet, renew_secrets=True)
    assert legacy == ("legacy", "")
    assert renewed[0] == "real"
    assert renewed[1] not in {"", secret}


def test_a_replays_clock_runs_at_its_speed_and_is_held_at_the_end() -> None:
    fleet = create_fleet("Taxis")
    wall_at = datetime(2026, 1, 1, tzinfo=UTC)
    clock = anchor_clock(fleet, wall_at=wall_at, fleet_ms=1_212_710_400_000, speed=60.0)
    wall_ms = round(wall_at.timestamp() * 1000)
    assert clock.now_ms(wall_ms) == 1_212_710_400_000
    assert clock.now_ms(wall_ms + 1_000) == 1_212_710_460_000
    hold_clock(fleet, fleet_ms=1_212_796_799_000)
    fleet.refresh_from_db()
    assert fleet.clock.now_ms(wall_ms + 999_999) == 1_212_796_799_000
