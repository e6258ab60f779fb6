"""`manage.py write_settings_page`: write docs/reference/settings.md from the registries."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from project.settings_page import settings_page

__all__ = ["Command"]


class Command(BaseCommand):
    """Write the page of all settings."""

    help = "Write docs/reference/settings.md from the registries of settings."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write and tell where."""
        path = settings.ROOT / "docs" / "reference" / "settings.md"
        path.write_text(settings_page())
        self.stdout.write(f"Wrote {path.relative_to(settings.ROOT)}.")
