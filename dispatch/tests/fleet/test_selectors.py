"""Who sees which fleet."""

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User

from dispatch.fleet import services
from dispatch.fleet.models import Fleet
from dispatch.fleet.selectors import devices_visible_to, fleet_visible_to, fleets_visible_to

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleets() -> tuple[Fleet, Fleet]:
    couriers, vans = services.create_fleet("Couriers"), services.create_fleet("Vans")
    couriers.groups.add(Group.objects.create(name="Couriers' desk"))
    for fleet in (couriers, vans):
        services.register_device(fleet, unique_id=f"device-of-{fleet.name}")
    return couriers, vans


def test_members_of_a_fleets_group_see_that_fleet_and_its_devices_only(fleets: tuple[Fleet, Fleet]) -> None:
    couriers, vans = fleets
    user = User.objects.create_user("ada")
    assert not fleets_visible_to(user).exists()
    user.groups.add(Group.objects.get())
    assert list(fleets_visible_to(user)) == [couriers]
    assert fleet_visible_to(user, couriers.pk)
    assert not fleet_visible_to(user, vans.pk)
    assert [device.unique_id for device in devices_visible_to(user)] == ["device-of-Couriers"]


def test_the_permission_shows_every_fleet(fleets: tuple[Fleet, Fleet]) -> None:
    user = User.objects.create_user("grace")
    user.user_permissions.add(Permission.objects.get(codename="view_every_fleet", content_type__app_label="fleet"))
    assert list(fleets_visible_to(user)) == list(fleets)


def test_nobody_else_sees_anything(fleets: tuple[Fleet, Fleet]) -> None:
    inactive = User.objects.create_superuser("gone", is_active=False)
    assert not fleets_visible_to(AnonymousUser()).exists()
    assert not fleets_visible_to(inactive).exists()
    assert not fleet_visible_to(User.objects.create_superuser("root"), 0)


def test_deactivated_devices_are_not_shown(fleets: tuple[Fleet, Fleet]) -> None:
    root = User.objects.create_superuser("root")
    services.deactivate([devices_visible_to(root)[0]])
    assert devices_visible_to(root).count() == 1
