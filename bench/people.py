"""Who takes part in a run: a fleet, its devices with secrets, dispatchers with sessions. Needs Django to be set up."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from dispatch.fleet.models import Fleet
from dispatch.fleet.services import NewDevice, create_fleet, register_devices

__all__ = ["BenchDevice", "make_dispatcher", "make_fleet", "register"]


@dataclass(frozen=True, slots=True)
class BenchDevice:
    """A device: key on the wire, identifier, secret."""

    device_id: int
    unique_id: str
    secret: str


def make_fleet(name: str) -> Fleet:
    """A fleet on the wall clock."""
    return create_fleet(name)


def register(fleet: Fleet, *, count: int) -> list[BenchDevice]:
    """Devices with secrets."""
    wanted = [NewDevice(unique_id=f"bench-{number:06d}", label=f"Van {number:06d}") for number in range(count)]
    return [BenchDevice(device.pk, device.unique_id, secret) for device, secret in register_devices(fleet, wanted)]


def make_dispatcher(name: str) -> str:
    """A dispatcher who sees every fleet; returns the ``Cookie`` header of a session."""
    user = User.objects.create_superuser(name, password=None)
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    return f"{cookie.key}={cookie.value}"
