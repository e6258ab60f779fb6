"""The app."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """The app."""

    name = "dispatch.console"
    label = "console"
