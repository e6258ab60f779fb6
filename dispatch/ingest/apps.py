"""The Django app of the ingest."""

from django.apps import AppConfig

from dispatch.ingest import checks as checks  # noqa: PLC0414 - importing registers them

__all__ = ["IngestConfig"]


class IngestConfig(AppConfig):
    """Label ``ingest``; it has no tables of its own."""

    name = "dispatch.ingest"
    label = "ingest"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Ingest"
