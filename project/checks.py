"""System checks of the composition root.

project.E001  VOLA_DEMO together with VOLA_ALLOWED_HOSTS: the demo answers on loopback names only
project.E002  VOLA_DEMO in a deployment (`check --deploy`)
project.E003  no VOLA_SECRET_KEY where one is needed
"""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from project import environment

__all__ = ["check_demo_is_local", "check_no_demo_in_deployment", "check_secret_key"]


@register(Tags.security)
def check_demo_is_local(app_configs: Sequence[AppConfig] | None, **_options: Any) -> list[CheckMessage]:
    """Refuse a demo that answers to other names than loopback ones."""
    if settings.VOLA_DEMO and environment.words("VOLA_ALLOWED_HOSTS"):
        hint = "Unset VOLA_DEMO, or VOLA_ALLOWED_HOSTS."
        return [Error("The demo signs anybody in, so it answers on loopback names only.", hint=hint, id="project.E001")]
    return []


@register(Tags.security, deploy=True)
def check_no_demo_in_deployment(app_configs: Sequence[AppConfig] | None, **_options: Any) -> list[CheckMessage]:
    """Refuse the demo in a deployment."""
    if settings.VOLA_DEMO:
        return [Error("VOLA_DEMO is on in a deployment.", hint="Unset VOLA_DEMO.", id="project.E002")]
    return []


@register(Tags.security)
def check_secret_key(app_configs: Sequence[AppConfig] | None, **_options: Any) -> list[CheckMessage]:
    """Say early that production needs a secret key of its own."""
    if not settings.LOCAL and not environment.text("VOLA_SECRET_KEY"):
        hint = 'python -c "import secrets; print(secrets.token_urlsafe(64))"'
        return [Error("VOLA_SECRET_KEY is not set.", hint=f"Draw one: {hint}", id="project.E003")]
    return []
