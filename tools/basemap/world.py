"""The layers of the world map, from Natural Earth by way of the npm package ``world-atlas`` (TopoJSON, 1:10 million).

Land, borders between countries (arcs that two countries share) and the countries' names, each at the roomiest place of
its largest piece. The package is a development dependency of ``web/``; the lock file pins its hash.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.basemap.helsinki import Feature, Layers

__all__ = ["read_world"]

Topology = dict[str, Any]
Ring = NDArray[np.float64]
LABEL_GRID_SIDE = 24
"""Candidate places tried along each side of a country's box for its name."""
ANTARCTIC_LAT = -60.0
"""Antarctica's ring goes round the pole, from one side of the map to the other, on purpose."""
SEA_NAMES = {
    "Atlantic Ocean": (-38.0, 30.0, 1),
    "South Atlantic Ocean": (-15.0, -25.0, 1),
    "Pacific Ocean": (-150.0, 20.0, 1),
    "South Pacific Ocean": (-125.0, -30.0, 1),
    "Indian Ocean": (78.0, -20.0, 1),
    "Arctic Ocean": (0.0, 84.0, 1),
    "Southern Ocean": (40.0, -60.0, 1),
    "Mediterranean Sea": (18.0, 34.8, 2),
    "Baltic Sea": (19.6, 57.8, 2),
    "Gulf of Finland": (25.6, 59.82, 3),
    "Gulf of Bothnia": (20.0, 62.0, 3),
    "North Sea": (3.5, 56.0, 2),
    "Norwegian Sea": (3.0, 67.0, 2),
    "Black Sea": (34.5, 43.3, 2),
    "Caribbean Sea": (-75.0, 15.0, 2),
    "Gulf of Mexico": (-90.5, 25.0, 2),
    "Bay of Bengal": (88.5, 14.0, 2),
    "Arabian Sea": (64.0, 15.0, 2),
    "Sea of Japan": (135.0, 40.0, 2),
    "Hudson Bay": (-85.5, 59.5, 2),
}


def read_world(package: Path) -> Layers:
    """Read all layers of the world.

    Args:
        package: the unpacked ``world-atlas``.

    Returns:
        Features by layer name: land, borders, names.
    """
    land = json.loads((package / "land-10m.json").read_bytes())
    countries = json.loads((package / "countries-10m.json").read_bytes())
    return {
        "land": [_polygon(rings) for rings in _all_polygons(land["objects"]["land"]["geometries"], _arcs(land))],
        "borders": list(_borders(countries)),
        "names": [*_country_names(countries), *_sea_names()],
    }


def _arcs(topology: Topology) -> list[Ring]:
    scale, translate = topology["transform"]["scale"], topology["transform"]["translate"]
    return [np.cumsum(np.asarray(arc, np.float64), axis=0) * scale + translate for arc in topology["arcs"]]


def _ring(indices: list[int], arcs: list[Ring]) -> Ring:
    pieces = [arcs[index] if index >= 0 else arcs[~index][::-1] for index in indices]
    ring = np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])
    if ring[:, 1].mean() > ANTARCTIC_LAT:
        # Rings that touch the date line name it once as 180 and once as -180: without this they cut through the map.
        ring[:, 0] = np.unwrap(ring[:, 0], period=360)
    return ring


def _all_polygons(geometries: list[Any], arcs: list[Ring]) -> list[list[Ring]]:
    polygons = []
    for geometry in geometries:
        many = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        polygons += [[_ring(ring, arcs) for ring in rings] for rings in many]
    return polygons


def _polygon(rings: list[Ring]) -> Feature:
    coordinates = [ring.round(5).tolist() for ring in rings]
    return _feature({"type": "Polygon", "coordinates": coordinates})


def _borders(countries: Topology) -> list[Feature]:
    """Arcs used by more than one ring lie between two countries; arcs used once are coast."""
    uses: Counter[int] = Counter()
    for geometry in countries["objects"]["countries"]["geometries"]:
        if "arcs" not in geometry:
            continue
        many = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        uses.update(index if index >= 0 else ~index for rings in many for ring in rings for index in ring)
    arcs = _arcs(countries)
    shared = (arcs[index] for index, count in uses.items() if count > 1)
    return [_feature({"type": "LineString", "coordinates": arc.round(5).tolist()}) for arc in shared]


def _country_names(countries: Topology) -> list[Feature]:
    arcs = _arcs(countries)
    features = []
    for geometry in countries["objects"]["countries"]["geometries"]:
        if "arcs" not in geometry:
            continue
        outlines = [rings[0] for rings in _all_polygons([geometry], arcs)]
        largest = max(outlines, key=_area)
        area = sum(_area(outline) for outline in outlines)
        rank = int(np.clip(6 - np.log10(max(area, 1e-3)) * 2, 1, 8))
        place = _roomiest_place(largest)
        features.append(_named_point(geometry["properties"]["name"], place=place, kind="country", rank=rank))
    return features


def _sea_names() -> list[Feature]:
    places = SEA_NAMES.items()
    return [_named_point(name, place=(lon, lat), kind="sea", rank=rank) for name, (lon, lat, rank) in places]


def _area(ring: Ring) -> float:
    """Area in square degrees, shrunk with latitude."""
    x, y = ring[:, 0], ring[:, 1]
    shoelace = abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2
    return shoelace * float(np.cos(np.radians(y.mean())))


def _roomiest_place(ring: Ring) -> tuple[float, float]:
    """Of a grid of places inside the ring, the one furthest from its outline."""
    outline = ring[:: max(1, len(ring) // 400)]
    west, south = outline.min(axis=0)
    east, north = outline.max(axis=0)
    steps = (np.arange(LABEL_GRID_SIDE) + 0.5) / LABEL_GRID_SIDE
    grid = np.stack(np.meshgrid(west + steps * (east - west), south + steps * (north - south)), axis=-1).reshape(-1, 2)
    a, b = outline, np.roll(outline, 1, axis=0)
    x, y = grid[:, :1], grid[:, 1:]
    between = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(b[:, 1] == a[:, 1], 1e-12, b[:, 1] - a[:, 1])
    crossings = between & (x < (b[:, 0] - a[:, 0]) * (y - a[:, 1]) / rise + a[:, 0])
    inside = crossings.sum(axis=1) % 2 == 1
    narrow = np.cos(np.radians((south + north) / 2))
    distance = np.hypot((x - a[:, 0]) * narrow, y - a[:, 1]).min(axis=1) * inside
    lon, lat = grid[int(distance.argmax())]
    return float(lon), float(lat)


def _named_point(name: str, *, place: tuple[float, float], kind: str, rank: int) -> Feature:
    feature = _feature({"type": "Point", "coordinates": [round(place[0], 4), round(place[1], 4)]})
    feature["properties"] = {"name": name, "kind": kind, "rank": rank}
    return feature


def _feature(geometry: dict[str, Any]) -> Feature:
    return {"type": "Feature", "properties": {}, "geometry": geometry}
