"""Fleets, users and a live map that runs on a loop of its own, as in a serving process."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import Group, Permission, User

from dispatch.fleet.models import Device, Driver, Fleet, Vehicle
from dispatch.fleet.services import assign, create_fleet, deactivate, register_device
from dispatch.tests.live.worlds import World


@dataclass
class Site:
    """Two fleets. ``seer`` sees the north by a group, ``chief`` every fleet, ``stranger`` none."""

    north: Fleet
    south: Fleet
    seer: User
    chief: User
    stranger: User
    retired: User
    north_devices: list[Device]
    south_device: Device


def new_device(fleet: Fleet, label: str, *, registration: str = "", driver: str = "") -> Device:
    """A device; with a vehicle if it has a registration, with a driver if one is named."""
    device, _ = register_device(fleet, unique_id=f"{fleet.name}-{label or 'unlabelled'}", label=label)
    vehicle = (
        Vehicle.objects.create(fleet=fleet, name=f"Van {label}", registration=registration) if registration else None
    )
    person = Driver.objects.create(fleet=fleet, name=driver) if driver else None
    assign(device, vehicle=vehicle, driver=person)
    return device


@pytest.fixture
def site(db: None) -> Site:
    """The rows of a small site."""
    north, south = create_fleet("North"), create_fleet("South")
    group = Group.objects.create(name="Dispatchers north")
    north.groups.add(group, Group.objects.create(name="Night shift north"))
    seer, chief, stranger, retired = (
        User.objects.create_user(name) for name in ("seer", "chief", "stranger", "retired")
    )
    seer.groups.set(north.groups.all())
    retired.groups.add(group)
    retired.is_active = False
    retired.save()
    chief.user_permissions.add(Permission.objects.get(codename="view_every_fleet"))
    devices = [
        new_device(north, "Alpha", registration="AB-12", driver="Ann Lee"),
        new_device(north, "Bravo", registration="CD-34", driver="Bo"),
        new_device(north, "Bravo2", driver="Ann Bray"),
        new_device(north, ""),
    ]
    deactivate([new_device(north, "Zulu")])
    return Site(north, south, seer, chief, stranger, retired, devices, new_device(south, "Sierra"))


@pytest.fixture
def run_live() -> Iterator[Callable[[World], World]]:
    """Run the live map of a world on a loop in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="test live map")
    thread.start()
    started: list[World] = []

    def run(world: World) -> World:
        asyncio.run_coroutine_threadsafe(world.service.start(), loop).result(timeout=10)
        started.append(world)
        return world

    yield run

    for world in started:
        asyncio.run_coroutine_threadsafe(world.service.stop(), loop).result(timeout=10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)
    loop.close()


def wall_ms() -> int:
    """Now."""
    return time.time_ns() // 1_000_000
