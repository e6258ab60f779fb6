"""The project as a Django app: its checks, and the admin under the product's name."""

import importlib

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

__all__ = ["ProjectConfig", "VolaAdminConfig"]


class ProjectConfig(AppConfig):
    """Start page, sign-in, demo data."""

    name = "project"
    label = "project"

    def ready(self) -> None:
        """Register the checks, which read settings and so may not be imported earlier."""
        importlib.import_module("project.checks")


class VolaAdminConfig(AdminConfig):
    """Django's admin with our site class."""

    default_site = "project.admin_site.VolaAdminSite"
