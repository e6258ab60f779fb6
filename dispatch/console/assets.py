"""Which built files the console page loads: Vite's manifest, read once.

The front end is built by ``make web`` into this app's static files; names carry a hash of their content, the manifest
maps the entry to them.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dispatch.console.errors import FrontEndNotBuiltError

__all__ = ["ENTRY", "EntryAssets", "entry_assets"]

STATIC = Path(__file__).resolve().parent / "static"
ENTRY = "src/console/main.ts"


@dataclass(frozen=True, slots=True)
class EntryAssets:
    """Static paths (relative to ``STATIC_URL``) of one entry."""

    script: str
    styles: tuple[str, ...]
    preloads: tuple[str, ...]
    """Modules the script imports, worth asking for before it runs."""


@cache
def entry_assets(manifest: Path = STATIC / "console" / "manifest.json") -> EntryAssets:
    """Read the manifest.

    Args:
        manifest: Vite's manifest of the build.

    Returns:
        The entry's files.

    Raises:
        FrontEndNotBuiltError: there is no build.
    """
    try:
        chunks = json.loads(manifest.read_bytes())
    except FileNotFoundError:
        raise FrontEndNotBuiltError(manifest) from None
    entry = chunks[ENTRY]
    imported = [chunks[name] for name in entry.get("imports", [])]
    styles = [style for chunk in [*imported, entry] for style in chunk.get("css", [])]
    return EntryAssets(
        script=f"console/{entry['file']}",
        styles=tuple(f"console/{style}" for style in styles),
        preloads=tuple(f"console/{chunk['file']}" for chunk in imported),
    )
