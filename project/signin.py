"""Signing in."""

from django.contrib.auth.backends import ModelBackend

__all__ = ["ThrottledModelBackend"]


class ThrottledModelBackend(ModelBackend):
    """Django's users."""
