"""The drivable streets of the extract as a directed graph, for the simulator: ``.run/basemap/streets.npz``.

Arrays (N nodes, E directed edges, G geometry points). Every edge belongs to the largest strongly connected part, so a
vehicle that follows edges never gets stuck and can reach every node.

==================  =======  ==========  ========================================================================
name                dtype    shape       meaning
==================  =======  ==========  ========================================================================
node_lon            float64  (N,)        degrees east, WGS 84
node_lat            float64  (N,)        degrees north
edge_from           int32    (E,)        index of the node an edge leaves; edges are sorted by it
edge_to             int32    (E,)        index of the node it reaches
edge_length_m       float32  (E,)        metres along the geometry (haversine), > 0
edge_speed_mps      float32  (E,)        free flow: ``maxspeed`` where tagged, else the class's; at most 80 km/h
edge_class          uint8    (E,)        index into ``class_names``
edge_reverse        int32    (E,)        index of the same street in the other direction; -1 on a one-way street
class_names         str      (C,)        OpenStreetMap ``highway`` values, most important first
geometry_offsets    int64    (E + 1,)    edge e has the points geometry_offsets[e] up to [e + 1]
geometry_lon        float64  (G,)        points of the edge from its first node to its last, both included
geometry_lat        float64  (G,)
==================  =======  ==========  ========================================================================

The edges that leave node n are ``searchsorted(edge_from, n, "left")`` up to ``searchsorted(edge_from, n, "right")``.
Turn restrictions, traffic lights and access rules for destinations are left out. Source: OpenStreetMap, ODbL.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from pathlib import Path

import numpy as np
import osmium

__all__ = ["CLASS_SPEED_MPS", "build_streets", "located_runs"]

_KMH = 1 / 3.6
CLASS_SPEED_MPS = {
    "motorway": 80 * _KMH,
    "trunk": 60 * _KMH,
    "primary": 45 * _KMH,
    "secondary": 40 * _KMH,
    "tertiary": 35 * _KMH,
    "unclassified": 30 * _KMH,
    "residential": 28 * _KMH,
    "living_street": 15 * _KMH,
    "service": 15 * _KMH,
}
"""Free-flow speed in a city by class; links count as their class."""
SPEED_MPS_MAX = 80 * _KMH
EARTH_RADIUS_M = 6_371_008.8

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Street:
    """One way of the extract: node ids, their places, class, directions and speed."""

    nodes: list[int]
    points: list[Point]
    street_class: str
    forward: bool
    backward: bool
    speed_mps: float


@dataclass(frozen=True, slots=True)
class _Edge:
    """A directed piece of a street between two junctions (node ids of OpenStreetMap)."""

    start: int
    end: int
    points: list[Point]
    street_class: str
    speed_mps: float


def build_streets(extract: Path, *, target: Path) -> tuple[int, int]:
    """Read the drivable streets and write the graph.

    Args:
        extract: the ``.osm.pbf``.
        target: the ``.npz`` to write, replaced at once.

    Returns:
        Number of nodes and of directed edges.
    """
    streets = _read_streets(extract)
    edges = _largest_connected(_cut_at_junctions(streets))
    arrays = _columns(edges)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name("partial-" + target.name)
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    partial.replace(target)
    return len(arrays["node_lon"]), len(arrays["edge_from"])


def _read_streets(extract: Path) -> list[_Street]:
    streets = []
    for way in osmium.FileProcessor(str(extract), osmium.osm.NODE | osmium.osm.WAY).with_locations():
        if not isinstance(way, osmium.osm.Way):
            continue
        tags = {tag.k: tag.v for tag in way.tags}
        street_class = tags.get("highway", "").removesuffix("_link")
        if street_class not in CLASS_SPEED_MPS or tags.get("access") in {"no", "private"} or tags.get("area") == "yes":
            continue
        forward, backward = _directions(tags)
        for run in located_runs(way):
            nodes = [node.ref for node in run]
            points = [(node.lon, node.lat) for node in run]
            streets.append(_Street(nodes, points, street_class, forward, backward, _speed(tags, street_class)))
    return streets


def located_runs(way: osmium.osm.Way) -> list[list[osmium.osm.NodeRef]]:
    """Cut a way where the extract's edge cut it: runs of at least two consecutive nodes whose places are known."""
    runs: list[list[osmium.osm.NodeRef]] = [[]]
    for node in way.nodes:
        if node.location.valid():
            runs[-1].append(node)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) >= 2]


def _directions(tags: dict[str, str]) -> tuple[bool, bool]:
    oneway = tags.get("oneway", "yes" if tags.get("junction") == "roundabout" else "no")
    return oneway != "-1", oneway not in {"yes", "true", "1"}


def _speed(tags: dict[str, str], street_class: str) -> float:
    tagged = tags.get("maxspeed", "")
    speed_mps = int(tagged) * _KMH if tagged.isdigit() else CLASS_SPEED_MPS[street_class]
    return min(speed_mps, SPEED_MPS_MAX)


def _cut_at_junctions(streets: list[_Street]) -> list[_Edge]:
    uses = Counter(node for street in streets for node in street.nodes)
    edges: list[_Edge] = []
    for street in streets:
        start = 0
        for index in range(1, len(street.nodes)):
            if uses[street.nodes[index]] < 2 and index != len(street.nodes) - 1:
                continue
            nodes, points = street.nodes[start : index + 1], street.points[start : index + 1]
            start = index
            if street.forward:
                edges.append(_Edge(nodes[0], nodes[-1], points, street.street_class, street.speed_mps))
            if street.backward:
                edges.append(_Edge(nodes[-1], nodes[0], points[::-1], street.street_class, street.speed_mps))
    return [edge for edge in edges if _length_m(edge.points) > 0]


def _largest_connected(edges: list[_Edge]) -> list[_Edge]:
    """Keep the edges inside the largest strongly connected part."""
    ahead: dict[int, list[int]] = {}
    behind: dict[int, list[int]] = {}
    for edge in edges:
        ahead.setdefault(edge.start, []).append(edge.end)
        behind.setdefault(edge.end, []).append(edge.start)
    left = set(ahead)
    best: set[int] = set()
    while len(left) > len(best):
        seed = min(left)
        part = _reachable(seed, links=ahead) & _reachable(seed, links=behind)
        best = max(best, part, key=len)
        left -= part | {seed}
    return [edge for edge in edges if edge.start in best and edge.end in best]


def _reachable(seed: int, *, links: dict[int, list[int]]) -> set[int]:
    seen, waiting = {seed}, [seed]
    while waiting:
        for node in links.get(waiting.pop(), ()):
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return seen


def _length_m(points: list[Point]) -> float:
    return sum(_distance_m(a, b) for a, b in pairwise(points))


def _distance_m(a: Point, b: Point) -> float:
    lat_a, lat_b = radians(a[1]), radians(b[1])
    half = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin(radians(b[0] - a[0]) / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(half))


def _columns(edges: list[_Edge]) -> dict[str, np.ndarray]:
    places = {edge.start: edge.points[0] for edge in edges} | {edge.end: edge.points[-1] for edge in edges}
    index_of = {node: index for index, node in enumerate(sorted(places))}
    ordered = sorted(edges, key=lambda edge: (index_of[edge.start], index_of[edge.end], edge.points))
    by_shape = {(edge.start, edge.end, tuple(edge.points)): index for index, edge in enumerate(ordered)}
    class_names = list(CLASS_SPEED_MPS)
    geometry = [point for edge in ordered for point in edge.points]
    return {
        "node_lon": np.array([places[node][0] for node in sorted(places)], np.float64),
        "node_lat": np.array([places[node][1] for node in sorted(places)], np.float64),
        "edge_from": np.array([index_of[edge.start] for edge in ordered], np.int32),
        "edge_to": np.array([index_of[edge.end] for edge in ordered], np.int32),
        "edge_length_m": np.array([_length_m(edge.points) for edge in ordered], np.float32),
        "edge_speed_mps": np.array([edge.speed_mps for edge in ordered], np.float32),
        "edge_class": np.array([class_names.index(edge.street_class) for edge in ordered], np.uint8),
        "edge_reverse": np.array(
            [by_shape.get((edge.end, edge.start, tuple(edge.points[::-1])), -1) for edge in ordered], np.int32
        ),
        "class_names": np.array(class_names),
        "geometry_offsets": np.cumsum([0, *(len(edge.points) for edge in ordered)], dtype=np.int64),
        "geometry_lon": np.array([point[0] for point in geometry], np.float64),
        "geometry_lat": np.array([point[1] for point in geometry], np.float64),
    }
