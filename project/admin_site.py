"""Django's admin under the product's name."""

from django.contrib.admin import AdminSite

__all__ = ["VolaAdminSite"]


class VolaAdminSite(AdminSite):
    """The one admin site."""

    site_header = "Vola administration"
    site_title = "Vola"
    index_title = "Fleets, people and rights"
    enable_nav_sidebar = True
