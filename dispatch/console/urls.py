"""Addresses of the console, to be included under ``/console/``."""

from django.urls import path

from dispatch.console import views

__all__ = ["app_name", "urlpatterns"]

app_name = "console"
urlpatterns = [path("", views.console, name="console")]
