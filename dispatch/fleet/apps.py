"""The Django app of fleets."""

from django.apps import AppConfig

__all__ = ["FleetConfig"]


class FleetConfig(AppConfig):
    """Label ``fleet``; the permission to see all fleets is ``fleet.view_every_fleet``."""

    name = "dispatch.fleet"
    label = "fleet"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Fleets"
