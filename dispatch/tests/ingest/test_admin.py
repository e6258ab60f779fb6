"""The quarantine in the admin: to read, and nothing else."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

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
