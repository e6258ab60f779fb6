"""The admin of fleets: through the services, secrets shown once."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dispatch.fleet import services
from dispatch.fleet.models import Device, Fleet, Vehicle

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
