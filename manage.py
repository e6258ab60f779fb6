#!/usr/bin/env python
"""Django's command line. While `make up` runs, its database and cache are used unless others are named."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

ROOT = Path(__file__).resolve().parent
RUNNING = ROOT / ".run" / "environment"


def use_running_demo() -> None:
    """Take the environment that `make up` wrote, without overriding what is set; only when no database is named."""
    if "DATABASE_URL" in os.environ or not RUNNING.is_file():
        return
    for line in RUNNING.read_text().splitlines():
        name, _, value = line.partition("=")
        os.environ.setdefault(name, value)


def main() -> None:
    """Run the command given on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    use_running_demo()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
