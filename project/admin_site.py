"""Django's admin under the product's name, behind the site's one sign-in page."""

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

__all__ = ["VolaAdminSite"]


class VolaAdminSite(AdminSite):
    """The one admin site; it has no sign-in page of its own, so that every sign-in is throttled and looks the same."""

    site_header = "Vola administration"
    site_title = "Vola"
    index_title = "Fleets, people and rights"
    site_url = "/"

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Send strangers to the sign-in page and members of staff back; refuse everybody else.

        Raises:
            PermissionDenied: signed in, but not staff: signing in again would not help.
        """
        target = request.GET.get(REDIRECT_FIELD_NAME) or "/admin/"
        if not request.user.is_authenticated:
            return redirect_to_login(target)
        if not self.has_permission(request):
            raise PermissionDenied
        return redirect("admin:index")
