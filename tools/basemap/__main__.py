"""The command: ``python -m tools.basemap [--only streets]``. Idempotent; says what it does and how long it took."""

import argparse
import time
from pathlib import Path

from tools.basemap.extract import REPOSITORY, fetch_extract
from tools.basemap.streets import build_streets

CACHE = REPOSITORY / ".run" / "cache" / "basemap"
STREETS = REPOSITORY / ".run" / "basemap" / "streets.npz"


def main() -> None:
    """Build what is missing."""
    parser = argparse.ArgumentParser(prog="python -m tools.basemap", description=__doc__)
    parser.add_argument("--only", choices=["streets"], help="build one part")
    parser.parse_args()
    started = time.perf_counter()
    nodes, edges = build_streets(fetch_extract(CACHE), target=STREETS)
    print(
        f"basemap: streets {nodes:,} nodes, {edges:,} edges -> {_short(STREETS)} ({time.perf_counter() - started:.1f} s)"
    )


def _short(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
