"""The quarantine in the admin: to read, and nothing else."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.utils import timezone

from dispatch.fleet import services
from dispatch.history.models import QuarantinedFix

pytestmark = pytest.mark.django_db


def test_the_quarantine_is_listed_filtered_and_cannot_be_changed() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    now = timezone.now()
    kept = QuarantinedFix.objects.create(
        device_id=7, fix_time=now, received_at=now, reason="null_island", lat=0.0, lon=0.0
    )
    page = "/admin/history/quarantinedfix/"
    assert "null_island" in client.get(f"{page}?q=7&reason=null_island").content.decode()
    assert client.get(f"{page}{kept.pk}/change/").status_code == 200
    assert client.post(f"{page}{kept.pk}/change/", {"reason": "in_future"}).status_code == 403
    assert client.get(f"{page}add/").status_code == 403
    assert client.post(f"{page}{kept.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_member_of_staff_sees_the_quarantine_of_visible_fleets_only() -> None:
    """It was shown whole to whoever may view it: places of vehicles of fleets that are nobody's business."""
    group = Group.objects.create(name="Managers")
    user = User.objects.create_user("manager", is_staff=True)
    user.groups.add(group)
    user.user_permissions.add(Permission.objects.get(codename="view_quarantinedfix"))
    own, other = services.create_fleet("Own"), services.create_fleet("Other")
    own.groups.add(group)
    devices = [services.register_device(fleet, unique_id=fleet.name)[0] for fleet in (own, other)]
    services.deactivate(devices)
    now = timezone.now()
    seen, hidden = (
        QuarantinedFix.objects.create(device_id=device.pk, fix_time=now, received_at=now, reason="no_position")
        for device in devices
    )
    client = Client()
    client.force_login(user)
    page = "/admin/history/quarantinedfix/"
    html = client.get(page).content.decode()
    assert f"{page}{seen.pk}/change/" in html
    assert f"{page}{hidden.pk}/change/" not in html
    assert client.get(f"{page}{hidden.pk}/change/").status_code == 302
