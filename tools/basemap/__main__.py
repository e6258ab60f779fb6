"""The command: ``python -m tools.basemap [--force]``. Idempotent; says what it does and how long each part took."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.basemap.extract import REPOSITORY, CommandFailedError, fetch_extract
from tools.basemap.helsinki import read_city
from tools.basemap.streets import build_streets
from tools.basemap.tiles import write_tiles
from tools.basemap.world import read_world

CACHE = REPOSITORY / ".run" / "cache" / "basemap"
STREETS = REPOSITORY / ".run" / "basemap" / "streets.npz"
STATIC = REPOSITORY / "dispatch" / "console" / "static" / "basemap"
WORLD_ATLAS = REPOSITORY / "web" / "node_modules" / "world-atlas"


def main() -> int:
    """Build what is missing or older than the builder.

    Returns:
        Exit status: 0 all there, 1 a part failed (said on standard error).
    """
    parser = argparse.ArgumentParser(prog="python -m tools.basemap", description=__doc__)
    parser.add_argument("--force", action="store_true", help="build again what is there")
    force = parser.parse_args().force
    parts: list[tuple[Path, Callable[[], None]]] = [
        (STREETS, lambda: _streets(STREETS)),
        (STATIC / "helsinki.pmtiles", lambda: _city(STATIC / "helsinki.pmtiles")),
        (STATIC / "world.pmtiles", lambda: _world(STATIC / "world.pmtiles")),
    ]
    try:
        for target, build in parts:
            _make(target, build=build, force=force)
    except (CommandFailedError, FileNotFoundError) as error:
        print(f"basemap: {error}", file=sys.stderr)
        return 1
    return 0


def _make(target: Path, *, build: Callable[[], None], force: bool) -> None:
    newest_source = max(path.stat().st_mtime for path in Path(__file__).parent.glob("*.py"))
    name = target.relative_to(REPOSITORY)
    if not force and target.exists() and target.stat().st_mtime > newest_source:
        print(f"basemap: {name} is up to date")
        return
    started = time.perf_counter()
    build()
    print(
        f"basemap: {name} {target.stat().st_size / 1000:,.0f} kB in {time.perf_counter() - started:.1f} s", flush=True
    )


def _streets(target: Path) -> None:
    nodes, edges = build_streets(fetch_extract(CACHE), target=target)
    print(f"basemap: street graph of {nodes:,} junctions and {edges:,} directed edges")


def _city(target: Path) -> None:
    layers = read_city(fetch_extract(CACHE))
    write_tiles(layers, target=target, zoom_min=10, zoom_max=16, attribution="© OpenStreetMap contributors")


def _world(target: Path) -> None:
    if not WORLD_ATLAS.exists():
        raise FileNotFoundError(f"{WORLD_ATLAS.relative_to(REPOSITORY)} is missing: run npm ci in web/ first")
    layers = read_world(WORLD_ATLAS)
    write_tiles(layers, target=target, zoom_min=0, zoom_max=8, attribution="Natural Earth", coarse=True)


if __name__ == "__main__":
    sys.exit(main())
