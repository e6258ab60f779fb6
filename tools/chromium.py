"""The Chromium that browser tests and the console's benchmark drive: the machine's own, found or named by
VOLA_CHROMIUM."""

import os
import shutil
from pathlib import Path

__all__ = ["ARGUMENTS", "find_chromium"]

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

ARGUMENTS = (
    "--no-sandbox",  # containers and CI run as root, where the sandbox cannot be set up
    "--use-angle=swiftshader",  # WebGL without a GPU
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find_chromium() -> Path | None:
    """The executable, or None where there is none."""
    named = os.environ.get("VOLA_CHROMIUM", "")
    candidates = [named] if named else [shutil.which(name) for name in NAMES]
    return next((Path(found) for found in candidates if found and Path(found).exists()), None)
