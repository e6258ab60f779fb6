"""System checks of the Django door. Every message has an id and says what to do.

vola.E001 unknown setting            vola.E007 ASGI_APPLICATION missing or not importable
vola.E002 setting of a wrong type    vola.E008 session authenticator without sessions or auth
          or out of range            vola.E009 the server's packages are missing
vola.E003 VOLA is not a dict         vola.W001 every origin is allowed
vola.E004 channel cannot be served   vola.W002 anonymous users may publish
vola.E005 method cannot be served    vola.W003 time limit not below the clients' own
vola.E006 dotted path or route       vola.W004 an authenticator list that is empty
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any, Final

from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from vola.django import settings as vola_settings
from vola.django.channels import anyone, registry
from vola.django.methods import methods
from vola.django.settings import REGISTRY, Setting, configured

__all__ = ["check_all"]

# The time after which the official clients give up on a command, in seconds.
_CLIENT_TIMEOUT_S: Final = 5.0
_SESSION_AUTHENTICATOR: Final = "vola.django.auth.SessionAuthenticator"


def check_all(**_kwargs: Any) -> list[CheckMessage]:
    """Everything that can be known before the server starts."""
    try:
        values = configured()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint='Write VOLA = {"ALLOWED_ORIGINS": [...]} in the settings.', id="vola.E003")]
    setting_problems = list(_check_settings(values))
    messages = [*setting_problems, *_check_registrations(), *_check_server()]
    if not setting_problems:  # The rest reads the settings.
        messages += [*_check_paths(), *_check_authentication(), *_check_openness(), *_check_times()]
    return messages


def _check_settings(values: Any) -> Iterator[CheckMessage]:
    known = {setting.name: setting for setting in REGISTRY}
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(sorted(known))}."
            yield Error(f'VOLA["{name}"] is not a setting of Vola.', hint=hint, id="vola.E001")
        elif problem := known[name].problem(value):
            setting = known[name]
            yield Error(
                f'VOLA["{name}"] {problem}.', hint=f"{setting.help} Default: {setting.default!r}.", id="vola.E002"
            )


def _check_registrations() -> Iterator[CheckMessage]:
    for problem in registry.problems:
        yield Error(
            f"Channel class {problem.name} cannot be served: {problem.problem}.",
            hint="Channel names of this class are answered 102 unknown channel until it is repaired.",
            id="vola.E004",
        )
    for problem in methods.problems:
        yield Error(
            f"Method {problem.name} cannot be served: {problem.problem}.",
            hint="Calls are answered 104 method not found until it is repaired.",
            id="vola.E005",
        )


def _check_paths() -> Iterator[CheckMessage]:
    path_settings: tuple[Setting[Sequence[str]], ...] = (vola_settings.AUTHENTICATORS, vola_settings.SERVICES)
    named = [(setting.name, path) for setting in path_settings for path in setting.read()]
    routes = vola_settings.HTTP_ROUTES.read()
    named += [("HTTP_ROUTES", path) for path in routes.values()]
    for name, path in named:
        if reason := _import_problem(path):
            yield Error(
                f'VOLA["{name}"]: {path!r} does not import: {reason}.',
                hint="Give the dotted path of a name.",
                id="vola.E006",
            )
    for prefix in routes:
        if not prefix.startswith("/") or prefix == "/" or vola_settings.WEBSOCKET_PATH.read().startswith(prefix):
            yield Error(
                f'VOLA["HTTP_ROUTES"]: the prefix {prefix!r} cannot be routed.',
                hint='It must start with "/", be longer than "/", and not cover WEBSOCKET_PATH.',
                id="vola.E006",
            )
    if not vola_settings.WEBSOCKET_PATH.read().startswith("/"):
        yield Error('VOLA["WEBSOCKET_PATH"] must start with "/".', hint="e.g. /connection/websocket", id="vola.E002")


def _import_problem(path: str) -> str:
    try:
        import_string(path)
    except Exception as error:  # noqa: BLE001  whatever the import raises is the message
        return f"{type(error).__name__}: {error}"
    return ""


def _check_authentication() -> Iterator[CheckMessage]:
    paths = vola_settings.AUTHENTICATORS.read()
    if not paths and not vola_settings.ALLOW_ANONYMOUS.read():
        yield CheckWarning(
            'VOLA["AUTHENTICATORS"] is empty and ALLOW_ANONYMOUS is off: nobody can connect.',
            hint="Leave AUTHENTICATORS out for Django sessions.",
            id="vola.W004",
        )
    if _SESSION_AUTHENTICATOR in paths:
        for app in ("django.contrib.auth", "django.contrib.sessions"):
            needs_app = app != "django.contrib.sessions" or django_settings.SESSION_ENGINE.endswith(
                (".db", ".cached_db")
            )
            if needs_app and not apps.is_installed(app):
                yield Error(
                    f"SessionAuthenticator needs {app!r} in INSTALLED_APPS.",
                    hint='Add it, or name other authenticators in VOLA["AUTHENTICATORS"].',
                    id="vola.E008",
                )


def _check_openness() -> Iterator[CheckMessage]:
    if "*" in vola_settings.ALLOWED_ORIGINS.read():
        yield CheckWarning(
            'VOLA["ALLOWED_ORIGINS"] allows every web site to connect with your users\' cookies.',
            hint='Name the origins, e.g. "https://app.example.com" or "https://*.example.com".',
            id="vola.W001",
        )
    if vola_settings.ALLOW_ANONYMOUS.read():
        for channel_class in registry.classes:
            if channel_class.may_publish is anyone:
                yield CheckWarning(
                    f"Channel class {channel_class.__qualname__} lets anonymous users publish.",
                    hint="Ask something of the user in may_publish, or turn ALLOW_ANONYMOUS off.",
                    id="vola.W002",
                )


def _check_times() -> Iterator[CheckMessage]:
    if vola_settings.PONG_TIMEOUT_S.read() >= vola_settings.PING_INTERVAL_S.read():
        yield Error(
            'VOLA["PONG_TIMEOUT_S"] must be shorter than PING_INTERVAL_S.',
            hint="A client must be able to answer a ping before the next one is due.",
            id="vola.E002",
        )
    if vola_settings.EXECUTOR_TIMEOUT_S.read() >= _CLIENT_TIMEOUT_S:
        yield CheckWarning(
            'VOLA["EXECUTOR_TIMEOUT_S"] is not below the 5 s after which clients give up and reconnect.',
            hint="Set it below 5.",
            id="vola.W003",
        )


def _check_server() -> Iterator[CheckMessage]:
    for package in ("uvicorn", "httptools", "picows"):
        if find_spec(package) is None:
            yield Error(
                f"The server needs the package {package!r}, which is not installed.",
                hint="Install vola with its dependencies: pip install vola",
                id="vola.E009",
            )
    path = getattr(django_settings, "ASGI_APPLICATION", None)
    reason = _import_problem_of_asgi(path) if path else "the setting is missing"
    if reason:
        yield Error(
            f"ASGI_APPLICATION cannot be served: {reason}.",
            hint='Set it to the dotted path of your ASGI application, e.g. "mysite.asgi.application".',
            id="vola.E007",
        )


def _import_problem_of_asgi(path: str) -> str:
    # Only that the module exists: importing it would run get_asgi_application(), which sets Django up again.
    module, _dot, name = path.rpartition(".")
    if not module or not name:
        return f"{path!r} is no dotted path"
    try:
        return "" if find_spec(module) is not None else f"no module {module!r}"
    except ImportError as error:
        return str(error)
