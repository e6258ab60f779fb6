"""The virtual environment: created from the Python that runs us, filled from the lock with hashes, mended when broken.

pip does the installing, because it is what the machine's owner has configured (mirrors, proxies, certificates).
"""

import shutil
import subprocess
import sys
from pathlib import Path

from project.up.paths import LOGS, PYTHON, ROOT, VENV
from project.up.stamps import fingerprint, is_current, mark
from project.up.steps import run_step

__all__ = ["ensure_python_environment"]

LOCK = ROOT / "requirements" / "dev.txt"
ENGINE = ROOT / "engine"
STAMP = VENV / "installed.stamp"


def ensure_python_environment() -> None:
    """Make `.venv` hold exactly what the lock says, plus the engine from this tree.

    Raises:
        StepFailedError: creating or installing failed.
    """
    wanted = fingerprint([LOCK, ENGINE / "pyproject.toml"], extra=f"{VENV} {sys.version_info[:2]}")
    if works(PYTHON) and is_current(STAMP, wanted):
        return
    if VENV.exists() and not works(PYTHON):
        shutil.rmtree(VENV)  # moved, half made, or its Python is gone
    if not VENV.exists():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        run_step(f"Creating .venv with Python {version}", [sys.executable, "-m", "venv", VENV], log=LOGS / "venv.log")
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    run_step(
        "Installing the Python packages (pinned, with hashes)",
        [*pip, "--only-binary", ":all:", "--no-compile", "--require-hashes", "-r", LOCK],
        log=LOGS / "packages.log",
    )
    run_step(
        "Installing the engine from this tree",
        [*pip, "--no-deps", "--no-build-isolation", "--editable", ENGINE],
        log=LOGS / "engine.log",
    )
    mark(STAMP, wanted)


def works(python: Path) -> bool:
    """Tell whether the environment's Python runs, is new enough and lives where it was made."""
    if not python.exists():
        return False
    probe = f"import sys, pip; sys.exit(not (sys.version_info >= (3, 12) and sys.prefix == {str(VENV)!r}))"
    return subprocess.run([python, "-c", probe], check=False, capture_output=True).returncode == 0
