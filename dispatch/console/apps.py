"""The dispatcher's console: one server-rendered page, its HTTP API, and the built front end in ``static/console``."""

from django.apps import AppConfig

__all__ = ["ConsoleConfig"]


class ConsoleConfig(AppConfig):
    """The page dispatchers keep open all day. Its TypeScript sources are in ``web/``."""

    name = "dispatch.console"
    label = "console"
    verbose_name = "Console"
