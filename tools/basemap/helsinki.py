"""The layers of the city map, from OpenStreetMap: water, land use, buildings, roads, rails, places, points of interest.

A layer is a list of GeoJSON features with the few properties the styles read. ``tippecanoe.minzoom`` says from where on
a feature is worth its bytes. What the extract cut off at its edge stays cut; the sea is closed along the cut.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import osmium

from tools.basemap.streets import located_runs

__all__ = ["Feature", "Layers", "read_city"]

Feature = dict[str, Any]
Layers = dict[str, list[Feature]]

ROAD_ZOOM = {
    "motorway": 10,
    "trunk": 10,
    "primary": 10,
    "secondary": 11,
    "tertiary": 12,
    "unclassified": 13,
    "residential": 13,
    "living_street": 13,
    "pedestrian": 13,
    "service": 14,
    "footway": 15,
    "cycleway": 15,
    "path": 15,
    "steps": 15,
}
LAND_KIND = {
    ("leisure", "park"): "park",
    ("leisure", "garden"): "park",
    ("leisure", "pitch"): "pitch",
    ("leisure", "playground"): "pitch",
    ("landuse", "grass"): "grass",
    ("landuse", "forest"): "wood",
    ("natural", "wood"): "wood",
    ("natural", "scrub"): "grass",
    ("natural", "heath"): "grass",
    ("landuse", "commercial"): "commercial",
    ("landuse", "retail"): "commercial",
    ("landuse", "residential"): "residential",
    ("landuse", "railway"): "railway",
    ("amenity", "university"): "civic",
    ("amenity", "school"): "civic",
    ("amenity", "parking"): "parking",
    ("place", "square"): "square",
    ("highway", "pedestrian"): "square",
    ("highway", "platform"): "platform",
    ("railway", "platform"): "platform",
}
WATER = {("natural", "water"), ("landuse", "basin"), ("landuse", "pond"), ("waterway", "riverbank")}
POI_KINDS = {
    "amenity": {"theatre", "library", "university", "hospital", "townhall", "place_of_worship", "marketplace"},
    "tourism": {"museum", "hotel", "gallery", "attraction"},
    "railway": {"station", "tram_stop"},
}
PLACE_RANK = {"city": 1, "suburb": 2, "neighbourhood": 3}


def read_city(extract: Path) -> Layers:
    """Read all layers of the city.

    Args:
        extract: the ``.osm.pbf``.

    Returns:
        Features by layer name: ground, water, land, buildings, roads, rails, places, poi.
    """
    names = ("ground", "water", "land", "buildings", "roads", "rails", "places", "poi")
    layers: Layers = {name: [] for name in names}
    for item in osmium.FileProcessor(str(extract)).with_locations().with_areas():
        tags = {tag.k: tag.v for tag in item.tags}
        if isinstance(item, osmium.osm.Node):
            _read_node(item, tags=tags, layers=layers)
        elif isinstance(item, osmium.osm.Way):
            _read_way(item, tags=tags, layers=layers)
        elif isinstance(item, osmium.osm.Area):
            _read_area(item, tags=tags, layers=layers)
    layers["ground"].append(_ground(layers))
    return layers


def _read_node(node: osmium.osm.Node, *, tags: dict[str, str], layers: Layers) -> None:
    name = tags.get("name")
    if not name:
        return
    geometry = {"type": "Point", "coordinates": [node.location.lon, node.location.lat]}
    if tags.get("place") in PLACE_RANK:
        rank = PLACE_RANK[tags["place"]]
        layers["places"].append(_feature(geometry, minzoom=10, name=name, rank=rank))
        return
    for key, values in POI_KINDS.items():
        if tags.get(key) in values:
            layers["poi"].append(_feature(geometry, minzoom=14, name=name, kind=tags[key]))
            return


def _read_way(way: osmium.osm.Way, *, tags: dict[str, str], layers: Layers) -> None:
    if tags.get("natural") == "coastline":
        _add_sea(way, layers=layers)
        return
    highway = tags.get("highway", "")
    road_class = highway.removesuffix("_link")
    lines = [[[node.lon, node.lat] for node in run] for run in located_runs(way)]
    for line in lines:
        geometry = {"type": "LineString", "coordinates": line}
        if road_class in ROAD_ZOOM and tags.get("area") != "yes" and tags.get("indoor") != "yes":
            level = "tunnel" if "tunnel" in tags else "bridge" if "bridge" in tags else "ground"
            if level == "tunnel" and road_class in {"footway", "steps", "cycleway", "path"}:
                continue
            properties = {"class": road_class, "level": level, "link": highway.endswith("_link")}
            if tags.get("name"):
                properties["name"] = tags["name"]
            layers["roads"].append(_feature(geometry, minzoom=ROAD_ZOOM[road_class], **properties))
        elif tags.get("railway") in {"rail", "tram"} and tags.get("tunnel") != "yes":
            layers["rails"].append(_feature(geometry, minzoom=12, kind=tags["railway"]))


def _add_sea(way: osmium.osm.Way, *, layers: Layers) -> None:
    """Close a coastline along the extract's cut; the runs of one coastline enclose the same water here."""
    ring = [[node.lon, node.lat] for run in located_runs(way) for node in run]
    if len(ring) >= 3:
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        layers["water"].append(_feature(geometry, minzoom=10, kind="sea"))


def _read_area(area: osmium.osm.Area, *, tags: dict[str, str], layers: Layers) -> None:
    geometry = {"type": "MultiPolygon", "coordinates": list(_polygons(area))}
    if not geometry["coordinates"]:
        return
    pairs = set(tags.items())
    if tags.get("building", "no") != "no":
        layers["buildings"].append(_feature(geometry, minzoom=13))
    elif pairs & WATER:
        layers["water"].append(_feature(geometry, minzoom=12, kind="lake"))
    else:
        kind = next((LAND_KIND[pair] for pair in LAND_KIND if pair in pairs), None)
        if kind is not None:
            layers["land"].append(_feature(geometry, minzoom=11, kind=kind))


def _polygons(area: osmium.osm.Area) -> Iterator[list[list[list[float]]]]:
    for outer in area.outer_rings():
        rings = [outer, *area.inner_rings(outer)]
        yield [[[node.lon, node.lat] for node in ring] for ring in rings]


def _ground(layers: Layers) -> Feature:
    """The rectangle of the roads and buildings: dry land under them, whatever the coarse world map says there."""
    points = [point for road in layers["roads"] for point in road["geometry"]["coordinates"]]
    west, east = min(p[0] for p in points), max(p[0] for p in points)
    south, north = min(p[1] for p in points), max(p[1] for p in points)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return _feature({"type": "Polygon", "coordinates": [ring]}, minzoom=10)


def _feature(geometry: dict[str, Any], *, minzoom: int, **properties: object) -> Feature:
    return {"type": "Feature", "tippecanoe": {"minzoom": minzoom}, "properties": properties, "geometry": geometry}
