"""Fleets and devices for feeding: found, or made through the fleet's services, before the first fix is sent."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import transaction

from dispatch.core.clock import FleetClock
from dispatch.feeding.errors import FleetUnclearError, ForeignDeviceError
from dispatch.fleet.models import Device, Fleet
from dispatch.fleet.selectors import devices_named, devices_of_fleet, every_fleet
from dispatch.fleet.services import NewDevice, create_fleet, register_devices, rotate_secret, set_fleet_clock

__all__ = ["anchor_clock", "enrol", "find_fleet", "find_or_make_fleet", "hold_clock", "register_vans", "take_devices"]

VAN_PREFIX = "sim"


def find_fleet(words: str) -> Fleet:
    """The fleet of a name or key; of no words the only fleet there is.

    Raises:
        FleetUnclearError: there is none, or several for no words.
    """
    fleets = list(every_fleet())
    found = [fleet for fleet in fleets if words in {"", fleet.name, str(fleet.pk)}]
    if len(found) != 1:
        raise FleetUnclearError(words=words, names=tuple(fleet.name for fleet in fleets))
    return found[0]


def find_or_make_fleet(name: str) -> Fleet:
    """The fleet of that name; a new one that nobody but the holders of ``view_every_fleet`` sees, where there is
    none."""
    found = [fleet for fleet in every_fleet() if fleet.name == name]
    return found[0] if found else create_fleet(name)


def enrol(fleet: Fleet, unique_ids: Sequence[str]) -> None:
    """Make sure that all these are devices of the fleet; new ones send by identifier alone.

    Raises:
        ForeignDeviceError: one is a device of another fleet, or needs a secret.
    """
    known = {device.unique_id: device for device in devices_named(unique_ids)}
    for device in known.values():
        if device.fleet_id != fleet.pk or not device.id_only or not device.is_active:
            raise ForeignDeviceError(unique_id=device.unique_id, fleet_name=device.fleet.name)
    missing = [unique_id for unique_id in unique_ids if unique_id not in known]
    register_devices(fleet, [NewDevice(unique_id=it, label=it, id_only=True) for it in missing])


def take_devices(fleet: Fleet, *, renew_secrets: bool) -> list[tuple[str, str]]:
    """The fleet's own active devices that can be driven, oldest first.

    Args:
        fleet: whose devices.
        renew_secrets: also those with a secret, which is replaced: the real device, if there is one, is locked out.

    Returns:
        Identifier and secret ("" by identifier alone) of each.
    """
    devices = sorted(devices_of_fleet(fleet.pk), key=lambda device: device.pk)
    return _with_secrets([device for device in devices if device.id_only or renew_secrets])


@transaction.atomic
def _with_secrets(devices: Sequence[Device]) -> list[tuple[str, str]]:
    return [(device.unique_id, "" if device.id_only else rotate_secret(device)) for device in devices]


@transaction.atomic
def register_vans(fleet: Fleet, *, count: int, with_secrets: bool) -> list[tuple[str, str]]:
    """``count`` simulated vans of the fleet: those of an earlier run, and new ones for what is missing.

    Returns:
        Identifier and secret ("" by identifier alone) of each. Secrets of earlier runs are replaced: nobody knows them.
    """
    kind = "key" if with_secrets else "van"
    unique_ids = [f"{VAN_PREFIX}-{kind}-{fleet.pk}-{number:05d}" for number in range(1, count + 1)]
    known = {device.unique_id: device for device in devices_named(unique_ids)}
    secrets = dict(_with_secrets(list(known.values())))
    missing = [it for it in unique_ids if it not in known]
    made = register_devices(
        fleet,
        [NewDevice(unique_id=it, label=f"Van {it[-5:]}", id_only=not with_secrets) for it in missing],
    )
    secrets |= {device.unique_id: secret for device, secret in made}
    return [(it, secrets[it]) for it in unique_ids]


def anchor_clock(fleet: Fleet, *, wall_at: datetime, fleet_ms: int, speed: float) -> FleetClock:
    """Let the fleet's clock show ``fleet_ms`` at ``wall_at`` and run at ``speed``."""
    set_fleet_clock(fleet, speed=speed, wall_at=wall_at, fleet_at=datetime.fromtimestamp(fleet_ms / 1000, UTC))
    return fleet.clock


def hold_clock(fleet: Fleet, *, fleet_ms: int) -> None:
    """Hold the fleet's clock still at ``fleet_ms``."""
    anchor_clock(fleet, wall_at=datetime.now(UTC), fleet_ms=fleet_ms, speed=0.0)
