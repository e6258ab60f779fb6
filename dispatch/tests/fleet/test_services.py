"""Writing fleets and devices: secrets, constraints that the database repeats, notifications on commit."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from dispatch.fleet import services
from dispatch.fleet.errors import ClockInvalid, DeviceTaken, SecretNotUsed, WrongFleet
from dispatch.fleet.models import Device, Driver, Fleet, Vehicle
from dispatch.fleet.services import NewDevice
from dispatch.ingest.storage import connect

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet() -> Fleet:
    return services.create_fleet("Couriers")


@pytest.fixture
def listener(transactional_db: None) -> Iterator[psycopg.Connection[tuple[str]]]:
    listening = connect(statement_timeout_s=5)
    listening.execute(f"LISTEN {services.NOTIFY_CHANNEL}")
    yield listening
    listening.close()


def heard(listening: psycopg.Connection[tuple[str]]) -> list[str]:
    return [notification.payload for notification in listening.notifies(timeout=0.2)]


def test_a_registered_device_gets_a_secret_that_only_its_hash_remembers(fleet: Fleet) -> None:
    device, secret = services.register_device(fleet, unique_id="358240051111110", label="Van 1")
    device.refresh_from_db()
    assert len(secret) >= 43  # 256 bits in base64
    assert bytes(device.secret_hash or b"") == services.hash_secret(secret)
    assert device.credential == "secret"


def test_a_device_by_identifier_alone_has_no_secret_to_rotate(fleet: Fleet) -> None:
    device, secret = services.register_device(fleet, unique_id="a", id_only=True)
    assert (secret, device.credential) == ("", "identifier only")
    with pytest.raises(SecretNotUsed):
        services.rotate_secret(device)


def test_a_rotated_secret_replaces_the_old_one(fleet: Fleet) -> None:
    device, old = services.register_device(fleet, unique_id="a")
    new = services.rotate_secret(device)
    device.refresh_from_db()
    assert new != old
    assert bytes(device.secret_hash or b"") == services.hash_secret(new)


def test_thousands_of_devices_register_in_a_few_statements(fleet: Fleet, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    wanted = [NewDevice(unique_id=f"d{n}", label=f"Van {n}", vehicle_name=f"Van {n}") for n in range(3_000)]
    with django_assert_max_num_queries(10):
        made = services.register_devices(fleet, wanted)
    assert [device.unique_id for device, _ in made] == [new.unique_id for new in wanted]
    assert all(device.pk and device.vehicle and device.vehicle.name == device.label for device, _ in made)
    assert len({secret for _, secret in made}) == 3_000


def test_bulk_registration_is_all_or_nothing(fleet: Fleet) -> None:
    services.register_device(fleet, unique_id="b")
    with pytest.raises(DeviceTaken, match="b"):
        services.register_devices(fleet, [NewDevice(unique_id="a"), NewDevice(unique_id="b")])
    with pytest.raises(DeviceTaken):
        services.register_devices(fleet, [NewDevice(unique_id="c"), NewDevice(unique_id="c")])
    assert set(Device.objects.values_list("unique_id", flat=True)) == {"b"}


@pytest.mark.parametrize("unique_id", ["", "two words", "x" * 65, "caf\u00e9", "line\n"])
def test_an_identifier_that_no_protocol_can_carry_is_refused(fleet: Fleet, unique_id: str) -> None:
    with pytest.raises(ValidationError):
        services.register_device(fleet, unique_id=unique_id)
    with pytest.raises(IntegrityError) if len(unique_id) <= 64 else pytest.raises(Exception, match="too long"):
        Device.objects.create(fleet=fleet, unique_id=unique_id)


def test_vehicle_and_driver_are_of_the_same_fleet_also_for_the_database(fleet: Fleet) -> None:
    other = services.create_fleet("Vans")
    vehicle = Vehicle.objects.create(fleet=other, name="V1")
    driver = Driver.objects.create(fleet=other, name="D1")
    device, _ = services.register_device(fleet, unique_id="a")
    with pytest.raises(WrongFleet):
        services.assign(device, vehicle=vehicle, driver=None)
    for fields in ({"vehicle": vehicle}, {"driver": driver}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Device.objects.filter(pk=device.pk).update(**fields)


def test_the_database_refuses_a_short_hash_and_a_secret_beside_identifier_only(fleet: Fleet) -> None:
    device, _ = services.register_device(fleet, unique_id="a")
    for fields in ({"secret_hash": b"short"}, {"id_only": True}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Device.objects.filter(pk=device.pk).update(**fields)


def test_a_clock_needs_both_anchors_and_a_speed_in_range(fleet: Fleet) -> None:
    now = datetime.now(UTC)
    for wrong in ({"wall_at": now}, {"speed": 2.0}, {"wall_at": now, "fleet_at": now, "speed": -1.0}):
        with pytest.raises(ClockInvalid):
            services.set_fleet_clock(fleet, **wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        Fleet.objects.filter(pk=fleet.pk).update(clock_anchor_wall_at=now)
    services.set_fleet_clock(fleet, wall_at=now, fleet_at=now - timedelta(days=6_000), speed=120.0)
    fleet.refresh_from_db()
    wall_ms = round(now.timestamp() * 1000) + 1_000
    assert wall_ms - fleet.clock.now_ms(wall_ms) == 6_000 * 86_400_000 - 119_000
    services.set_fleet_clock(fleet)
    assert fleet.clock.now_ms(5) == 5


def test_every_write_notifies_once_on_commit_and_never_on_rollback(
    listener: psycopg.Connection[tuple[str]], transactional_db: None
) -> None:
    fleet = services.create_fleet("Couriers")
    name = str(fleet.pk)
    assert heard(listener) == [name]
    device, _ = services.register_device(fleet, unique_id="a")
    assert heard(listener) == [name]
    for write in (
        lambda: services.rotate_secret(device),
        lambda: services.assign(device, vehicle=None, driver=None),
        lambda: services.set_fleet_clock(fleet),
        lambda: services.deactivate([device]),
        lambda: services.register_devices(fleet, [NewDevice(unique_id=f"d{n}") for n in range(50)]),
    ):
        write()
        assert heard(listener) == [name]
    with transaction.atomic():
        services.rotate_secret(device)
        transaction.set_rollback(True)
    assert heard(listener) == []
    assert connection.in_atomic_block is False


def test_a_device_that_moves_to_another_fleet_notifies_both(
    listener: psycopg.Connection[tuple[str]], transactional_db: None
) -> None:
    one, other = services.create_fleet("One"), services.create_fleet("Other")
    device, _ = services.register_device(one, unique_id="a")
    heard(listener)
    device.fleet = other
    assert services.save_device(device) == ""
    assert set(heard(listener)) == {str(one.pk), str(other.pk)}
