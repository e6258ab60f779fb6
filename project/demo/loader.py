"""Load the demo: what is there already is left as it is, so that loading again is harmless.

Passwords are drawn here, returned once to be shown, and kept as hashes only. Devices get secrets that nobody needs to
know: the demo fleet draws its own when it starts.
"""

import secrets
from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction

from dispatch.fleet import services
from dispatch.fleet.models import Device, Driver, Fleet
from dispatch.fleet.services import NewDevice
from project.demo.roles import ROLES, Role
from project.demo.words import FLEET_NAME, driver_names, registrations, vehicle_names

__all__ = ["Loaded", "load_demo"]

PASSWORD_CHARACTERS = 16
PASSWORD_ALPHABET = "abcdefghijkmnpqrstuvwxyzACDEFGHJKLMNPQRSTUVWXYZ2345679"  # noqa: S105 - signs that none mistakes


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What loading brought: user names with their new passwords, and how many devices were registered."""

    passwords: dict[str, str]
    devices_new: int
    devices_total: int


@transaction.atomic
def load_demo() -> Loaded:
    """Bring the demo's groups, people and fleet into the database."""
    fleet = Fleet.objects.filter(name=FLEET_NAME).first() or services.create_fleet(FLEET_NAME)
    passwords: dict[str, str] = {}
    for role in ROLES:
        group = _group(role)
        fleet.groups.add(group)
        password = _user(role, group=group)
        if password:
            passwords[role.username] = password
    services.notify_fleet(fleet.pk)
    devices_new = _devices(fleet)
    return Loaded(
        passwords=passwords, devices_new=devices_new, devices_total=Device.objects.filter(fleet=fleet).count()
    )


def _group(role: Role) -> Group:
    group, _ = Group.objects.get_or_create(name=role.group)
    group.permissions.set(Permission.objects.filter(content_type__app_label="fleet", codename__in=role.permissions))
    return group


def _user(role: Role, *, group: Group) -> str:
    """Create the role's user and return the password, or return "" when the user exists."""
    user = User.objects.filter(username=role.username).first()
    password = ""
    if user is None:
        password = "".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(PASSWORD_CHARACTERS))
        user = User.objects.create_user(
            role.username,
            password=password,
            first_name=role.full_name,
            is_staff=role.is_staff,
            is_superuser=role.is_superuser,
        )
    user.groups.add(group)
    return password


def _devices(fleet: Fleet) -> int:
    """Register the vehicles' devices that are missing, give each a driver, and return how many were new."""
    plates = registrations()
    wanted = [
        NewDevice(unique_id=f"demo-{number:03d}", label=name, vehicle_name=name, registration=next(plates))
        for number, name in enumerate(vehicle_names(), start=1)
    ]
    known = set(
        Device.objects.filter(unique_id__in=[new.unique_id for new in wanted]).values_list("unique_id", flat=True)
    )
    missing = [new for new in wanted if new.unique_id not in known]
    if not missing:
        return 0
    names = driver_names()
    of_device = {new.unique_id: next(names) for new in wanted}
    made = [device for device, _ in services.register_devices(fleet, missing)]
    drivers = _drivers(fleet, names={of_device[device.unique_id] for device in made})
    for device in made:
        services.assign(device, vehicle=device.vehicle, driver=drivers[of_device[device.unique_id]])
    return len(made)


def _drivers(fleet: Fleet, *, names: set[str]) -> dict[str, Driver]:
    """Find or create the fleet's drivers of these names."""
    known = {driver.name: driver for driver in Driver.objects.filter(fleet=fleet, name__in=names)}
    new = Driver.objects.bulk_create([Driver(fleet=fleet, name=name) for name in sorted(names - known.keys())])
    return known | {driver.name: driver for driver in new}
