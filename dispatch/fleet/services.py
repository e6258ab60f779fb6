"""Every write to fleets and devices, each with its notification ``dispatch_fleet`` to the running nodes.

PostgreSQL delivers the notification when the transaction commits, and never when it rolls back. A secret is returned
once, by the call that made it; the database keeps its SHA-256 only (a random secret of 256 bits needs no slow hash).
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from dispatch.fleet.errors import ClockInvalid, DeviceTaken, SecretNotUsed, WrongFleet
from dispatch.fleet.models import CLOCK_SPEED_MAX, Device, Driver, Fleet, Vehicle

__all__ = [
    "NOTIFY_CHANNEL",
    "NewDevice",
    "assign",
    "create_fleet",
    "deactivate",
    "hash_secret",
    "notify_fleet",
    "register_device",
    "register_devices",
    "rotate_secret",
    "save_device",
    "save_fleet",
    "set_fleet_clock",
]

NOTIFY_CHANNEL = "dispatch_fleet"
"""LISTEN name; the payload is the fleet's key."""

_INSERT_ROWS = 5_000
"""Rows in one INSERT of the bulk form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """A device to register. ``vehicle_name`` finds or makes the vehicle of that name; empty: none."""

    unique_id: str
    label: str = ""
    vehicle_name: str = ""
    registration: str = ""
    id_only: bool = False


def hash_secret(secret: str) -> bytes:
    """The SHA-256 under which a secret is kept."""
    return hashlib.sha256(secret.encode()).digest()


def notify_fleet(fleet_id: int) -> None:
    """Tell the running nodes, on commit, that something of a fleet changed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [NOTIFY_CHANNEL, str(fleet_id)])


@transaction.atomic
def create_fleet(name: str) -> Fleet:
    """Make a fleet that lives by the wall clock."""
    fleet = Fleet.objects.create(name=name)
    notify_fleet(fleet.pk)
    return fleet


@transaction.atomic
def save_fleet(fleet: Fleet) -> None:
    """Write a fleet that was validated elsewhere (the admin's form)."""
    fleet.save()
    notify_fleet(fleet.pk)


@transaction.atomic
def set_fleet_clock(
    fleet: Fleet, *, speed: float = 1.0, wall_at: datetime | None = None, fleet_at: datetime | None = None
) -> None:
    """Set a fleet's clock to show ``fleet_at`` at ``wall_at`` and run at ``speed``; without anchors, to the wall clock.

    Raises:
        ClockInvalid: one anchor without the other, a naive time, or a speed out of 0 to 1000.
    """
    if (wall_at is None) != (fleet_at is None):
        raise ClockInvalid("it needs both anchors, or none")
    if wall_at is None and speed != 1.0:
        raise ClockInvalid("without anchors it is the wall clock, which runs at speed 1")
    if not 0.0 <= speed <= CLOCK_SPEED_MAX:
        raise ClockInvalid(f"its speed must be between 0 and {CLOCK_SPEED_MAX:g}")
    if any(it is not None and it.tzinfo is None for it in (wall_at, fleet_at)):
        raise ClockInvalid("its anchors need a time zone")
    fleet.clock_speed = speed
    fleet.clock_anchor_wall_at = wall_at
    fleet.clock_anchor_fleet_at = fleet_at
    fleet.save(update_fields=["clock_speed", "clock_anchor_wall_at", "clock_anchor_fleet_at"])
    notify_fleet(fleet.pk)


def register_device(
    fleet: Fleet,
    *,
    unique_id: str,
    label: str = "",
    vehicle: Vehicle | None = None,
    driver: Driver | None = None,
    id_only: bool = False,
) -> tuple[Device, str]:
    """Register one device.

    Args:
        fleet: whose device it is.
        unique_id: what the device calls itself; unique over all fleets.
        label: what dispatchers read.
        vehicle, driver: of the same fleet.
        id_only: accept its fixes by identifier alone; it gets no secret.

    Returns:
        The device and its secret ("" for ``id_only``), which is shown nowhere again.

    Raises:
        DeviceTaken: the identifier is registered already.
        WrongFleet: vehicle or driver of another fleet.
        ValidationError: the identifier is not 1 to 64 printable ASCII characters without spaces.
    """
    device = Device(fleet=fleet, unique_id=unique_id, label=label, vehicle=vehicle, driver=driver, id_only=id_only)
    return device, save_device(device)


@transaction.atomic
def save_device(device: Device) -> str:
    """Write a device and give it a secret when it needs one and has none.

    Returns:
        The new secret, "" when there is none to show.

    Raises:
        DeviceTaken, WrongFleet, ValidationError: as register_device.
    """
    _check_same_fleet(device)
    if Device.objects.filter(unique_id=device.unique_id).exclude(pk=device.pk).exists():
        raise DeviceTaken([device.unique_id])
    secret = ""
    if device.id_only:
        device.secret_hash = None
    elif device.secret_hash is None:
        secret = _give_secret(device)
    device.clean_fields()
    before = Device.objects.filter(pk=device.pk).values_list("fleet_id", flat=True).first()
    device.save()
    for fleet_id in {device.fleet_id, before or device.fleet_id}:
        notify_fleet(fleet_id)
    return secret


@transaction.atomic
def register_devices(fleet: Fleet, devices: Iterable[NewDevice]) -> list[tuple[Device, str]]:
    """Register many devices of a fleet, with their vehicles, in a few statements.

    Returns:
        Each device with its secret ("" for ``id_only``), in the order given.

    Raises:
        DeviceTaken: some identifiers are registered already, or given twice; none is registered.
        ValidationError: an identifier is not of the form that register_device wants.
    """
    wanted = list(devices)
    _check_free([new.unique_id for new in wanted])
    vehicles = _find_or_make_vehicles(fleet, wanted)
    made: list[Device] = []
    shown: list[str] = []
    for new in wanted:
        device = Device(
            fleet=fleet,
            unique_id=new.unique_id,
            label=new.label,
            vehicle=vehicles.get(new.vehicle_name),
            id_only=new.id_only,
        )
        shown.append("" if new.id_only else _give_secret(device))
        device.clean_fields(exclude=["fleet", "vehicle", "driver"])
        made.append(device)
    Device.objects.bulk_create(made, batch_size=_INSERT_ROWS)
    notify_fleet(fleet.pk)
    return list(zip(made, shown, strict=True))


@transaction.atomic
def rotate_secret(device: Device) -> str:
    """Replace a device's secret. The old one stops working within a second, and open sockets of the device are closed.

    Raises:
        SecretNotUsed: the device is accepted by its identifier alone.
    """
    if device.id_only:
        raise SecretNotUsed(device.unique_id)
    secret = _give_secret(device)
    device.save(update_fields=["secret_hash"])
    notify_fleet(device.fleet_id)
    return secret


@transaction.atomic
def assign(device: Device, *, vehicle: Vehicle | None, driver: Driver | None) -> None:
    """Say which vehicle carries a device and who drives; None takes it away.

    Raises:
        WrongFleet: vehicle or driver of another fleet.
    """
    device.vehicle = vehicle
    device.driver = driver
    _check_same_fleet(device)
    device.save(update_fields=["vehicle", "driver"])
    notify_fleet(device.fleet_id)


@transaction.atomic
def deactivate(devices: Sequence[Device]) -> None:
    """Refuse these devices from now on and take them off the map. Their history stays."""
    Device.objects.filter(pk__in=[device.pk for device in devices]).update(is_active=False)
    for device in devices:
        device.is_active = False
    for fleet_id in {device.fleet_id for device in devices}:
        notify_fleet(fleet_id)


def _give_secret(device: Device) -> str:
    secret = secrets.token_urlsafe(32)
    device.secret_hash = hash_secret(secret)
    return secret


def _check_same_fleet(device: Device) -> None:
    for what, owner in (("vehicle", device.vehicle), ("driver", device.driver)):
        if owner is not None and owner.fleet_id != device.fleet_id:
            raise WrongFleet(what=what, name=owner.name)


def _check_free(unique_ids: list[str]) -> None:
    taken = set(Device.objects.filter(unique_id__in=unique_ids).values_list("unique_id", flat=True))
    seen: set[str] = set()
    for unique_id in unique_ids:
        if unique_id in seen:
            taken.add(unique_id)
        seen.add(unique_id)
    if taken:
        raise DeviceTaken(sorted(taken))


def _find_or_make_vehicles(fleet: Fleet, wanted: list[NewDevice]) -> dict[str, Vehicle]:
    registrations = {new.vehicle_name: new.registration for new in wanted if new.vehicle_name}
    known = {it.name: it for it in Vehicle.objects.filter(fleet=fleet, name__in=registrations)}
    missing = [
        Vehicle(fleet=fleet, name=name, registration=registration)
        for name, registration in registrations.items()
        if name not in known
    ]
    Vehicle.objects.bulk_create(missing, batch_size=_INSERT_ROWS)
    return known | {vehicle.name: vehicle for vehicle in missing}
