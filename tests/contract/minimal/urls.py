"""What the tests ask the server to do: publish from ordinary views, and tell what it holds."""

import json
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from tests.contract.minimal.services import open_source_count
from vola.django import publish, running
from vola.errors import VolaError


def publish_view(request: HttpRequest) -> HttpResponse:
    """Publish {"channel", "data", "key"?, "repeat"?} in a transaction; "undo" rolls it back."""
    wanted: dict[str, Any] = json.loads(request.body)
    try:
        with transaction.atomic():
            for number in range(wanted.get("repeat", 1)):
                data = wanted["data"] if "repeat" not in wanted else {"n": wanted["data"] + number}
                if "padding" in wanted:
                    data["padding"] = "x" * wanted["padding"]
                publish(wanted["channel"], data, key=wanted.get("key"))
            transaction.set_rollback(wanted.get("undo", False))
    except VolaError as error:
        return JsonResponse({"error": {"code": error.code, "message": str(error)}}, status=400)
    return JsonResponse({"published": "undo" not in wanted})


def state_view(request: HttpRequest) -> HttpResponse:
    """What the process holds."""
    disconnects = running.current().node.snapshot().disconnects
    return JsonResponse({"open_sources": open_source_count(), "disconnects": disconnects})


def deactivate_view(request: HttpRequest, name: str) -> HttpResponse:
    """Deactivate a user, as the admin would."""
    user = get_user_model().objects.get(username=name)
    user.is_active = False
    user.save()
    return JsonResponse({"deactivated": name})


urlpatterns = [path("deactivate/<name>", deactivate_view), path("publish", publish_view), path("state", state_view)]
