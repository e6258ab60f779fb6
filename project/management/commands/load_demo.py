"""`manage.py load_demo`: the demo's people and fleet; prints the passwords that it drew, once."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from project.demo.loader import load_demo

__all__ = ["Command"]


class Command(BaseCommand):
    """Load the demo into the database; harmless when it is there."""

    help = "Load the demo's people and fleet. Prints new passwords once; they are kept nowhere in clear."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Load and tell.

        Raises:
            CommandError: this is not a demo; people with known names have no place elsewhere.
        """
        if not settings.VOLA_DEMO:
            raise CommandError("Set VOLA_DEMO=1 to load the demo; it creates an administrator.")
        loaded = load_demo()
        self.stdout.write(f"Demo fleet: {loaded.devices_total} vehicles, {loaded.devices_new} of them new.")
        if loaded.passwords:
            self.stdout.write("New passwords, shown this once (the start page signs in without them):")
            for username, password in loaded.passwords.items():
                self.stdout.write(f"  {username:<14}{password}")
