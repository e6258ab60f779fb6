"""A street network that vehicles can drive on: nodes, directed straight edges, and who follows whom.

Pure arrays, no file formats of others: :func:`load_streets` reads the ``.npz`` that ``tools/basemap/streets.py``
writes from OpenStreetMap, :func:`build_streets` takes the same arrays from anywhere. Turn restrictions and traffic
lights are left out.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dispatch.feeding.errors import StreetsUnusableError

__all__ = ["METRES_PER_DEGREE", "Streets", "build_streets", "load_streets"]

METRES_PER_DEGREE = 111_194.9266
"""Metres of a degree of latitude on the sphere of radius 6,371,000 m; enough for edges of a city block."""


@dataclass(frozen=True, slots=True)
class Streets:
    """A network of n nodes and m directed edges, every edge leading to at least one other.

    Attributes:
        node_lat, node_lon: float64 [n], WGS 84 degrees.
        edge_from, edge_to: int32 [m], node indexes; edges are sorted by ``edge_from``.
        edge_length_m: float64 [m], more than zero.
        edge_limit_mps: float64 [m], the speed limit.
        edge_course_deg: float64 [m], clockwise from north, [0, 360).
        edge_reverse: int32 [m], the edge in the opposite direction, -1 where the street is one-way.
        first_out: int32 [n + 1]; the edges that leave node i are ``first_out[i] : first_out[i + 1]``.
    """

    node_lat: NDArray[np.float64]
    node_lon: NDArray[np.float64]
    edge_from: NDArray[np.int32]
    edge_to: NDArray[np.int32]
    edge_length_m: NDArray[np.float64]
    edge_limit_mps: NDArray[np.float64]
    edge_course_deg: NDArray[np.float64]
    edge_reverse: NDArray[np.int32]
    first_out: NDArray[np.int32]

    @property
    def edge_count(self) -> int:
        """How many directed edges there are."""
        return len(self.edge_from)

    def position(
        self, edge: NDArray[np.int32], offset_m: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where points on edges are.

        Args:
            edge: int32 [k], edge of each point.
            offset_m: float64 [k], metres from the edge's start, 0 to its length.

        Returns:
            lat and lon, float64 [k] degrees each.
        """
        share = offset_m / self.edge_length_m[edge]
        start, end = self.edge_from[edge], self.edge_to[edge]
        lat = self.node_lat[start] + share * (self.node_lat[end] - self.node_lat[start])
        lon = self.node_lon[start] + share * (self.node_lon[end] - self.node_lon[start])
        return lat, lon


def build_streets(
    *,
    node_lat: NDArray[np.float64],
    node_lon: NDArray[np.float64],
    edge_from: NDArray[np.integer],
    edge_to: NDArray[np.integer],
    edge_limit_mps: NDArray[np.float64],
) -> Streets:
    """A network from its nodes and directed edges, without the edges on which a vehicle would be stuck.

    Args:
        node_lat, node_lon: float64 [n] degrees.
        edge_from, edge_to: integers [m], node indexes.
        edge_limit_mps: float64 [m], more than zero.

    Raises:
        StreetsUnusableError: no edge remains.
    """
    keep = np.asarray(edge_from != edge_to) & (edge_limit_mps > 0)
    keep = keep & _leads_on(edge_from, edge_to, keep, len(node_lat))
    if not keep.any():
        raise StreetsUnusableError("no street leads on to another")
    order = np.argsort(edge_from[keep], kind="stable")
    start = edge_from[keep][order].astype(np.int32)
    end = edge_to[keep][order].astype(np.int32)
    east_m = (node_lon[end] - node_lon[start]) * np.cos(np.radians(node_lat[start])) * METRES_PER_DEGREE
    north_m = (node_lat[end] - node_lat[start]) * METRES_PER_DEGREE
    return Streets(
        node_lat=node_lat.astype(np.float64),
        node_lon=node_lon.astype(np.float64),
        edge_from=start,
        edge_to=end,
        edge_length_m=np.maximum(np.hypot(east_m, north_m), 0.1),
        edge_limit_mps=edge_limit_mps[keep][order].astype(np.float64),
        edge_course_deg=np.degrees(np.arctan2(east_m, north_m)) % 360.0,
        edge_reverse=_reverse_of(start, end, len(node_lat)),
        first_out=np.searchsorted(start, np.arange(len(node_lat) + 1)).astype(np.int32),
    )


def _leads_on(
    edge_from: NDArray[np.integer], edge_to: NDArray[np.integer], keep: NDArray[np.bool_], node_count: int
) -> NDArray[np.bool_]:
    """Which edges end where another begins, after dead ends of one-way streets were taken away again and again."""
    kept = keep.copy()
    while True:
        out_count = np.bincount(edge_from[kept], minlength=node_count)
        still: NDArray[np.bool_] = kept & (out_count[edge_to] > 0)
        if (still == kept).all():
            return still
        kept = still


def _reverse_of(start: NDArray[np.int32], end: NDArray[np.int32], node_count: int) -> NDArray[np.int32]:
    """For each edge the first edge in the opposite direction, or -1."""
    forward = start.astype(np.int64) * node_count + end
    backward = end.astype(np.int64) * node_count + start
    order = np.argsort(forward, kind="stable")
    place = np.minimum(np.searchsorted(forward, backward, sorter=order), len(forward) - 1)
    found = order[place]
    return np.where(forward[found] == backward, found, -1).astype(np.int32)


def load_streets(path: Path) -> Streets:
    """The network in an ``.npz`` of ``tools/basemap/streets.py``, its bent edges cut into straight ones at every point.

    Raises:
        StreetsUnusableError: the file is missing, holds other arrays, or no street of it leads on.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            points = np.column_stack((arrays["geometry_lat"], arrays["geometry_lon"]))
            offsets, speed_mps = arrays["geometry_offsets"], arrays["edge_speed_mps"]
    except OSError as error:
        raise StreetsUnusableError(f"{path} cannot be read ({error.strerror or error})") from error
    except (KeyError, ValueError) as error:
        raise StreetsUnusableError(f"{path} is not a street file ({error})") from error
    places, place_of_point = np.unique(points, axis=0, return_inverse=True)
    is_segment = np.ones(len(points), np.bool_)
    is_segment[offsets[1:] - 1] = False
    segment_starts = np.flatnonzero(is_segment)
    return build_streets(
        node_lat=places[:, 0],
        node_lon=places[:, 1],
        edge_from=place_of_point[segment_starts],
        edge_to=place_of_point[segment_starts + 1],
        edge_limit_mps=np.repeat(speed_mps, np.diff(offsets) - 1).astype(np.float64),
    )
