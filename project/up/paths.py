"""Where things lie in a clone: everything that `make` creates is under `.venv/`, `.run/` or `web/`."""

import os
from pathlib import Path

__all__ = ["ENVIRONMENT_FILE", "LOCK_FILE", "LOGS", "PYTHON", "ROOT", "RUN", "STAMPS", "VENV", "WEB", "port"]

ROOT = Path(__file__).resolve().parent.parent.parent
RUN = ROOT / ".run"
LOGS = RUN / "logs"
STAMPS = RUN / "stamps"
ENVIRONMENT_FILE = RUN / "environment"
LOCK_FILE = RUN / "up.lock"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
WEB = ROOT / "web"
PORT_DEFAULT = 8000


def port() -> int:
    """Return the demo's port, from VOLA_PORT or 8000.

    Raises:
        SystemExit: not a port number.
    """
    value = os.environ.get("VOLA_PORT", "") or str(PORT_DEFAULT)
    if not value.isdecimal() or not 1 <= int(value) <= 65_535:
        raise SystemExit(f"VOLA_PORT must be a number from 1 to 65535, not {value!r}.")
    return int(value)
