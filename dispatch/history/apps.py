"""The Django app of the history."""

from django.apps import AppConfig

__all__ = ["HistoryConfig"]


class HistoryConfig(AppConfig):
    """Label ``history``; its partitioned tables are made by migrations in SQL."""

    name = "dispatch.history"
    label = "history"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "History"
