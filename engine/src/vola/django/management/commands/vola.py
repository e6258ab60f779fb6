"""`manage.py vola serve`: the project's pages and its real-time connections in one process."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from vola.django.runtime import PortTaken, serve

__all__ = ["Command"]


class Command(BaseCommand):
    """Runs Vola."""

    help = "Run the real-time server together with the project's pages."
    requires_system_checks = "__all__"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare `serve` and its options."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="action")
        serving = actions.add_parser("serve", help="Serve pages and connections on one port until SIGINT or SIGTERM.")
        serving.add_argument("--host", default="127.0.0.1", help="Address to listen on (default: %(default)s).")
        serving.add_argument("--port", type=int, default=8000, help="Port; 0 takes a free one (default: %(default)s).")

    def handle(self, *, host: str, port: int, **_options: Any) -> None:
        """Serve until told to stop."""

        def ready(open_port: int) -> None:
            shown = f"[{host}]" if ":" in host else host
            self.stdout.write(f"vola: listening on http://{shown}:{open_port}")
            self.stdout.flush()

        try:
            serve(host=host, port=port, ready=ready)
        except PortTaken as error:
            raise CommandError(f"vola: {error}") from error
