"""The minimal project's door, as every Django project has one."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    repository = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(repository))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.contract.minimal.settings"
    execute_from_command_line(sys.argv)
