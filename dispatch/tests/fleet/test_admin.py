"""The admin of fleets: through the services, secrets shown once."""

import re

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from dispatch.fleet import services
from dispatch.fleet.models import Device, Driver, Fleet, Vehicle

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def fleet() -> Fleet:
    return services.create_fleet("Couriers")


def shown_secret(html: str) -> str:
    found = re.search(r"<code>([\w-]{43})</code>", html)
    assert found is not None, html
    return found[1]


def test_adding_a_device_shows_its_secret_once(admin: Client, fleet: Fleet) -> None:
    form = {"fleet": fleet.pk, "unique_id": "a", "label": "", "vehicle": "", "driver": "", "is_active": "on"}
    answer = admin.post("/admin/fleet/device/add/", form, follow=True)
    device = Device.objects.get()
    assert bytes(device.secret_hash or b"") == services.hash_secret(shown_secret(answer.content.decode()))
    again = admin.get("/admin/fleet/device/").content.decode()
    assert "<code>" not in again


def test_the_rotate_action_shows_the_new_secret_and_says_where_there_is_none(admin: Client, fleet: Fleet) -> None:
    device, _ = services.register_device(fleet, unique_id="a")
    legacy, _ = services.register_device(fleet, unique_id="b", id_only=True)
    answer = admin.post(
        "/admin/fleet/device/", {"action": "rotate_secrets", "_selected_action": [device.pk, legacy.pk]}, follow=True
    )
    html = answer.content.decode()
    device.refresh_from_db()
    assert bytes(device.secret_hash or b"") == services.hash_secret(shown_secret(html))
    assert "is accepted by its identifier alone" in html


def test_the_deactivate_action_keeps_the_devices_but_refuses_them(admin: Client, fleet: Fleet) -> None:
    device, _ = services.register_device(fleet, unique_id="a")
    admin.post("/admin/fleet/device/", {"action": "deactivate_devices", "_selected_action": [device.pk]})
    device.refresh_from_db()
    assert not device.is_active


def test_a_vehicle_of_another_fleet_is_an_error_beside_its_field(admin: Client, fleet: Fleet) -> None:
    vehicle = Vehicle.objects.create(fleet=services.create_fleet("Vans"), name="V1")
    form = {"fleet": fleet.pk, "unique_id": "a", "label": "", "vehicle": vehicle.pk, "driver": "", "is_active": "on"}
    answer = admin.post("/admin/fleet/device/add/", form)
    assert "This vehicle belongs to another fleet." in answer.content.decode()
    assert not Device.objects.exists()


@pytest.mark.parametrize("model", ["fleet", "vehicle", "driver", "device"])
def test_every_list_opens_and_searches(admin: Client, fleet: Fleet, model: str) -> None:
    services.register_device(fleet, unique_id="a", vehicle=Vehicle.objects.create(fleet=fleet, name="V1"))
    assert admin.get(f"/admin/fleet/{model}/?q=a").status_code == 200


def test_a_fleets_page_saves_its_clock(admin: Client, fleet: Fleet) -> None:
    form = {
        "name": "Couriers",
        "clock_speed": "60",
        "clock_anchor_wall_at_0": "2026-01-01",
        "clock_anchor_wall_at_1": "00:00:00",
        "clock_anchor_fleet_at_0": "2008-06-06",
        "clock_anchor_fleet_at_1": "00:00:00",
    }
    admin.post(f"/admin/fleet/fleet/{fleet.pk}/change/", form)
    fleet.refresh_from_db()
    assert fleet.clock.speed == 60.0


def test_deleting_a_device_in_the_admin_notifies(admin: Client, fleet: Fleet) -> None:
    device, _ = services.register_device(fleet, unique_id="a")
    admin.post(f"/admin/fleet/device/{device.pk}/delete/", {"post": "yes"})
    admin.post("/admin/fleet/device/", {"action": "delete_selected", "_selected_action": [device.pk], "post": "yes"})
    assert not Device.objects.exists()


# A staff member who may change devices was shown those of every fleet, and could rotate their secrets: Django's
# permissions are about models, and nothing asked about the object.


@pytest.fixture
def manager(fleet: Fleet) -> Client:
    """A member of staff with every permission of the app but ``view_every_fleet``, and one visible fleet."""
    user = User.objects.create_user("manager", is_staff=True)
    permissions = Permission.objects.filter(content_type__app_label="fleet").exclude(codename="view_every_fleet")
    user.user_permissions.set(permissions)
    group = Group.objects.create(name="Managers")
    user.groups.add(group)
    fleet.groups.add(group)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def foreign() -> Device:
    """A device of another fleet, with a vehicle and a driver."""
    other = services.create_fleet("Secret vans")
    vehicle = Vehicle.objects.create(fleet=other, name="Secret vehicle")
    driver = Driver.objects.create(fleet=other, name="Secret driver")
    device, _ = services.register_device(other, unique_id="secret-device", vehicle=vehicle, driver=driver)
    return device


@pytest.mark.parametrize("model", ["fleet", "vehicle", "driver", "device"])
def test_objects_of_other_fleets_are_in_no_list_and_at_no_address(manager: Client, foreign: Device, model: str) -> None:
    found = {"fleet": foreign.fleet, "vehicle": foreign.vehicle, "driver": foreign.driver, "device": foreign}[model]
    assert found is not None
    assert "ecret" not in manager.get(f"/admin/fleet/{model}/").content.decode()
    for page in ("change", "history", "delete"):
        answer = manager.get(f"/admin/fleet/{model}/{found.pk}/{page}/", follow=True)
        assert "ecret" not in answer.content.decode()
        assert answer.redirect_chain  # as for one that does not exist


def test_the_secrets_of_other_fleets_devices_are_not_rotated_nor_are_they_deactivated(
    manager: Client, fleet: Fleet, foreign: Device
) -> None:
    own, _ = services.register_device(fleet, unique_id="own")
    secret_hash = bytes(foreign.secret_hash or b"")
    for action in ("rotate_secrets", "deactivate_devices", "delete_selected"):
        chosen = {"action": action, "_selected_action": [own.pk, foreign.pk], "post": "yes"}
        manager.post("/admin/fleet/device/", chosen, follow=True)
    foreign.refresh_from_db()
    assert (bytes(foreign.secret_hash or b""), foreign.is_active) == (secret_hash, True)
    assert not Device.objects.filter(pk=own.pk).exists()


@pytest.mark.parametrize("name", ["fleet", "vehicle", "driver"])
def test_other_fleets_cannot_be_chosen_even_by_a_forged_form(
    manager: Client, fleet: Fleet, foreign: Device, name: str
) -> None:
    form = {"fleet": fleet.pk, "unique_id": "a", "label": "", "vehicle": "", "driver": "", "is_active": "on"}
    answer = manager.post("/admin/fleet/device/add/", form | {name: getattr(foreign, name).pk})
    assert "That choice is not one of the available choices" in answer.content.decode()
    assert "ecret" not in answer.content.decode()
    assert Device.objects.get() == foreign
    asked = {"app_label": "fleet", "model_name": "device", "field_name": name, "term": ""}
    assert "ecret" not in manager.get("/admin/autocomplete/", asked).content.decode()


def test_a_manager_works_with_the_own_fleet_as_before(manager: Client, fleet: Fleet, foreign: Device) -> None:
    form = {"fleet": fleet.pk, "unique_id": "a", "label": "", "vehicle": "", "driver": "", "is_active": "on"}
    assert shown_secret(manager.post("/admin/fleet/device/add/", form, follow=True).content.decode())
    assert fleet.name in manager.get("/admin/fleet/fleet/").content.decode()
