"""The start page, signing in and out, the demo's one-click roles, and the pages of failure."""

import ipaddress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.views import LoginView
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from dispatch.fleet.selectors import fleets_visible_to
from project.demo.roles import ROLES, role_by_slug
from project.signin.forms import SignInForm

__all__ = [
    "SignInView",
    "demo_available",
    "demo_sign_in",
    "page_not_found",
    "permission_denied",
    "server_error",
    "start",
]

BACKEND = "project.signin.backends.ThrottledModelBackend"


def demo_available(request: HttpRequest) -> bool:
    """Tell whether the demo's roles may be taken: the demo is on, and both ends of the request are this very machine.

    The host is looked at too, because a name that points to 127.0.0.1 would let a foreign page reach us.
    """
    if not settings.VOLA_DEMO:
        return False
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    return _is_loopback(str(request.META.get("REMOTE_ADDR", ""))) and (host == "localhost" or _is_loopback(host))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@require_safe
@never_cache
def start(request: HttpRequest) -> HttpResponseBase:
    """Show the start page: the demo's roles, or where a signed-in person may go, or the plain sign-in page."""
    demo = demo_available(request)
    if not demo and not request.user.is_authenticated:
        return SignInView.as_view()(request)
    context = {
        "roles": ROLES if demo else (),
        "may_dispatch": request.user.is_authenticated and fleets_visible_to(request.user).exists(),
        "may_administer": request.user.is_authenticated and request.user.is_staff,
    }
    return render(request, "project/start.html", context)


@method_decorator(never_cache, name="dispatch")
class SignInView(LoginView):
    """The site's one sign-in page."""

    template_name = "project/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = False

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the form again, with a status that programs understand: 429 when throttled, else 200 as Django does."""
        response = super().form_invalid(form)
        if getattr(self.request, "sign_in_throttled", False):
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        return response


@require_POST
def demo_sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in as one of the demo's roles and go where that role works.

    Raises:
        Http404: no demo here, no such role, or the demo was not loaded.
    """
    if not demo_available(request):
        raise Http404
    role = role_by_slug(request.POST.get("role", ""))
    user = None if role is None else get_user_model().objects.filter(username=role.username, is_active=True).first()
    if role is None or user is None:
        raise Http404
    login(request, user, backend=BACKEND)
    return redirect(role.landing)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403: say who one is signed in as, and the way out."""
    return render(request, "403.html", status=HTTPStatus.FORBIDDEN)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404."""
    return render(request, "404.html", status=HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 from a page that needs neither database nor cache, since one of them may be the cause."""
    return render(request, "500.html", status=HTTPStatus.INTERNAL_SERVER_ERROR)
