"""The app."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    """The app."""

    name = "dispatch.live"
    label = "live"
