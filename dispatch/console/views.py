"""The console page: who may open it, and what its script is told."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dispatch.console.assets import entry_assets
from dispatch.console.errors import FrontEndNotBuiltError
from dispatch.fleet import selectors

__all__ = ["console"]

API_PATH = "/api/dispatch/"
SOCKET_PATH = "/connection/websocket"
BASEMAPS = {"city": "basemap/helsinki.pmtiles", "world": "basemap/world.pmtiles"}


@require_safe
@never_cache
@login_required
def console(request: HttpRequest) -> HttpResponse:
    """Show the console.

    Args:
        request: of a signed-in user; others are sent to sign in.

    Returns:
        The page; 503 with the remedy when the front end is not built.

    Raises:
        PermissionDenied: no fleet is visible to the user.
    """
    if not selectors.fleets_visible_to(request.user).exists():
        raise PermissionDenied("No fleet is open to you yet. Ask an administrator for access to one.")
    try:
        assets = entry_assets()
    except FrontEndNotBuiltError as error:
        return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
    return render(request, "console/console.html", {"assets": assets, "config": _page_config(request)})


def _page_config(request: HttpRequest) -> dict[str, Any]:
    """Shape: ``PageConfig`` of web/src/console/state.ts."""
    return {
        "user": request.user.get_username(),
        "apiUrl": API_PATH,
        "socketPath": SOCKET_PATH,
        "basemap": {name: static(path) for name, path in BASEMAPS.items()},
        "links": {"start": "/", "admin": _admin_link(request)},
    }


def _admin_link(request: HttpRequest) -> str | None:
    if not getattr(request.user, "is_staff", False):
        return None
    try:
        return reverse("admin:index")
    except NoReverseMatch:
        return None
