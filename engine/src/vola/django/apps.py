"""The Django app "vola": finds channels and methods, registers the system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.utils.module_loading import autodiscover_modules

from vola.django.checks import check_all
from vola.django.revocation import connect_signals

__all__ = ["VolaConfig"]


class VolaConfig(AppConfig):
    """Label "vola"; it has no models."""

    name = "vola.django"
    label = "vola"
    verbose_name = "Vola"

    def ready(self) -> None:
        """Import every app's channels.py and rpc.py, and watch users and their permissions."""
        autodiscover_modules("channels", "rpc")
        checks.register(check_all, "vola")
        connect_signals()
