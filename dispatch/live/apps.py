"""The app."""

from django.apps import AppConfig

__all__ = ["LiveConfig"]


class LiveConfig(AppConfig):
    """The app."""

    name = "dispatch.live"
    label = "live"

    def ready(self) -> None:
        """Watch who may see which fleet."""
        from dispatch.live.revocation import connect_signals  # noqa: PLC0415 - needs the models

        connect_signals()
