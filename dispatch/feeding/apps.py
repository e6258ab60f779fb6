"""Django's entry of the feeding app: management commands only, no models."""

from django.apps import AppConfig

__all__ = ["FeedingConfig"]


class FeedingConfig(AppConfig):
    """Brings the ``simulate`` and ``replay`` commands."""

    name = "dispatch.feeding"
    label = "feeding"
    verbose_name = "Feeding"
