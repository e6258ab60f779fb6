"""The demo's data: complete, believable, loaded again without harm."""

import re
from itertools import islice

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from dispatch.fleet.models import Device, Driver, Fleet, Vehicle
from dispatch.fleet.selectors import fleets_visible_to
from project.demo.loader import load_demo
from project.demo.roles import ROLES
from project.demo.words import driver_names, registrations, vehicle_names

pytestmark = pytest.mark.django_db


def test_loading_brings_three_hundred_vehicles_each_with_plate_device_and_driver() -> None:
    loaded = load_demo()
    assert (loaded.devices_new, loaded.devices_total) == (300, 300)
    assert Vehicle.objects.exclude(registration__regex=r"^[A-Z]{3}-[0-9]{3}$").count() == 0
    assert Device.objects.filter(vehicle__isnull=False, driver__isnull=False).count() == 300
    assert Driver.objects.values("name").distinct().count() == 300


def test_loading_again_changes_nothing() -> None:
    load_demo()
    before = (Vehicle.objects.count(), Driver.objects.count(), User.objects.count(), Fleet.objects.count())
    hashes = dict(User.objects.values_list("username", "password"))
    again = load_demo()
    assert (again.passwords, again.devices_new) == ({}, 0)
    assert (Vehicle.objects.count(), Driver.objects.count(), User.objects.count(), Fleet.objects.count()) == before
    assert dict(User.objects.values_list("username", "password")) == hashes


def test_a_lost_device_comes_back_with_its_own_driver() -> None:
    load_demo()
    device = Device.objects.select_related("driver").get(unique_id="demo-017")
    assert device.driver is not None
    name = device.driver.name
    device.delete()
    assert load_demo().devices_new == 1
    restored = Device.objects.select_related("driver").get(unique_id="demo-017")
    assert restored.driver is not None
    assert restored.driver.name == name
    assert Driver.objects.filter(name=name).count() == 1


def test_every_role_may_see_the_fleet_with_a_password_of_its_own() -> None:
    passwords = load_demo().passwords
    assert set(passwords) == {role.username for role in ROLES}
    assert len(set(passwords.values())) == len(ROLES)
    for username, password in passwords.items():
        user = User.objects.get(username=username)
        assert user.check_password(password)
        assert fleets_visible_to(user).count() == 1


def test_passwords_are_printed_once(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    settings.VOLA_DEMO = True
    call_command("load_demo")
    first = capsys.readouterr().out
    call_command("load_demo")
    second = capsys.readouterr().out
    assert "dispatcher" in first
    assert "dispatcher" not in second
    assert "300 vehicles, 0 of them new" in second


def test_the_demo_is_not_loaded_where_there_is_no_demo(settings: Settings) -> None:
    settings.VOLA_DEMO = False
    with pytest.raises(CommandError, match="VOLA_DEMO=1"):
        call_command("load_demo")
    assert not User.objects.exists()


def test_names_are_drawn_the_same_every_time_and_none_twice() -> None:
    plates = list(islice(registrations(), 300))
    assert plates == list(islice(registrations(), 300))
    assert len(set(plates)) == 300
    people = list(driver_names())
    assert len(set(people)) == len(people) >= 300
    assert all(re.fullmatch(r"\w+ [A-Z]\.", name) for name in people)
    assert len(list(vehicle_names())) == 300
