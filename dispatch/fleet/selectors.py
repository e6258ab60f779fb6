"""Reading fleets: who may see which, and the rows that the registry of devices is made of."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import psycopg
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.db.models import QuerySet

from dispatch.core.clock import FleetClock
from dispatch.fleet.models import Device, Fleet

__all__ = [
    "DeviceRow",
    "FleetRow",
    "device_rows",
    "devices_named",
    "devices_of_fleet",
    "devices_visible_to",
    "every_device_visible_to",
    "every_fleet",
    "fleet_clocks",
    "fleet_rows",
    "fleet_visible_to",
    "fleets_visible_to",
]

type Viewer = AbstractBaseUser | AnonymousUser


class FleetRow(NamedTuple):
    """A fleet as the running nodes know it."""

    fleet_id: int
    name: str
    clock: FleetClock


class DeviceRow(NamedTuple):
    """A device as the running nodes know it. ``secret_sha256`` is None for a device without a secret."""

    device_id: int
    fleet_id: int
    unique_id: str
    secret_sha256: bytes | None
    id_only: bool
    is_active: bool


def fleets_visible_to(user: Viewer) -> QuerySet[Fleet]:
    """The fleets that a user may see: all with ``fleet.view_every_fleet``, else those of the user's groups."""
    if not user.is_active or not isinstance(user, PermissionsMixin):
        return Fleet.objects.none()
    if user.has_perm("fleet.view_every_fleet"):
        return Fleet.objects.all()
    return Fleet.objects.filter(groups__in=user.groups.all()).distinct()


def fleet_visible_to(user: Viewer, fleet_id: int) -> bool:
    """Whether a user may see a fleet; False as well when there is no such fleet."""
    return fleets_visible_to(user).filter(pk=fleet_id).exists()


def devices_of_fleet(fleet_id: int) -> QuerySet[Device]:
    """The active devices of a fleet with vehicle and driver, by label."""
    devices = Device.objects.filter(fleet_id=fleet_id, is_active=True)
    return devices.select_related("vehicle", "driver").order_by("label", "id")


def devices_visible_to(user: Viewer) -> QuerySet[Device]:
    """The active devices that a user may see, with fleet, vehicle and driver."""
    devices = Device.objects.filter(fleet__in=fleets_visible_to(user), is_active=True)
    return devices.select_related("fleet", "vehicle", "driver")


def every_device_visible_to(user: Viewer) -> QuerySet[Device]:
    """The devices of the fleets that a user may see, deactivated ones too."""
    return Device.objects.filter(fleet__in=fleets_visible_to(user))


def devices_named(unique_ids: Iterable[str]) -> QuerySet[Device]:
    """The devices of any fleet that call themselves so, with their fleet."""
    return Device.objects.filter(unique_id__in=unique_ids).select_related("fleet")


def every_fleet() -> QuerySet[Fleet]:
    """All fleets, by name: for commands, which act for nobody."""
    return Fleet.objects.all()


def fleet_clocks() -> list[FleetClock]:
    """The clocks of all fleets."""
    return [fleet.clock for fleet in Fleet.objects.all()]


def fleet_rows(connection: psycopg.Connection[Any]) -> list[FleetRow]:
    """All fleets, oldest first. Takes a plain connection: the runtime reads on threads of its own."""
    rows = connection.execute(
        "SELECT id, name, clock_speed, clock_anchor_wall_at, clock_anchor_fleet_at FROM fleet_fleet ORDER BY id"
    ).fetchall()
    return [
        FleetRow(
            fleet_id,
            name,
            FleetClock() if wall_at is None else FleetClock.anchored(wall_at=wall_at, fleet_at=fleet_at, speed=speed),
        )
        for fleet_id, name, speed, wall_at, fleet_at in rows
    ]


def device_rows(connection: psycopg.Connection[Any], *, fleet_ids: Sequence[int] | None) -> list[DeviceRow]:
    """The devices of some fleets, or (None) of all, oldest first."""
    rows = connection.execute(
        "SELECT id, fleet_id, unique_id, secret_hash, id_only, is_active FROM fleet_device"
        " WHERE %(fleets)s::bigint[] IS NULL OR fleet_id = ANY(%(fleets)s) ORDER BY id",
        {"fleets": None if fleet_ids is None else list(fleet_ids)},
    ).fetchall()
    return [DeviceRow(*row) for row in rows]
