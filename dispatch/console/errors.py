"""Errors of the console.

FrontEndNotBuiltError   the static files hold no build
"""

from pathlib import Path

__all__ = ["FrontEndNotBuiltError"]


class FrontEndNotBuiltError(Exception):
    """The console's script is missing from the static files."""

    code = "front_end_not_built"

    def __init__(self, manifest: Path) -> None:
        super().__init__(manifest)
        self.manifest = manifest

    def __str__(self) -> str:
        return f"The console is not built ({self.manifest.name} is missing): run `make web`."
