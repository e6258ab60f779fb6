"""The basemap's builder: the street graph of a small extract, and the world's rings, names and borders."""

from pathlib import Path

import numpy as np
import osmium
import pytest

from tools.basemap.streets import CLASS_SPEED_MPS, build_streets
from tools.basemap.world import _borders, _ring, _roomiest_place


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    """Four junctions: a two-way square, a one-way diagonal, and a blind one-way exit that leads nowhere."""
    path = tmp_path / "small.osm.pbf"
    places = {1: (24.94, 60.17), 2: (24.95, 60.17), 3: (24.95, 60.175), 4: (24.94, 60.175), 5: (24.96, 60.18)}
    ways = [
        (11, [1, 2, 3, 4, 1], {"highway": "residential", "name": "Ring"}),
        (12, [1, 3], {"highway": "primary", "oneway": "yes", "maxspeed": "50"}),
        (13, [3, 5], {"highway": "service", "oneway": "yes"}),
        (14, [1, 5], {"highway": "footway"}),
    ]
    with osmium.SimpleWriter(str(path)) as writer:
        for ref, place in places.items():
            writer.add_node(osmium.osm.mutable.Node(id=ref, location=place))
        for ref, nodes, tags in ways:
            writer.add_way(osmium.osm.mutable.Way(id=ref, nodes=nodes, tags=tags))
    return path


def test_the_street_graph_has_no_dead_ends_and_honours_one_way_streets(extract: Path, tmp_path: Path) -> None:
    nodes, edges = build_streets(extract, target=tmp_path / "streets.npz")
    graph = np.load(tmp_path / "streets.npz")
    # 1 and 3 are junctions; 2 and 4 are bends of the ring, and 5 cannot be left by car.
    assert (nodes, edges) == (2, 5)
    assert set(graph["edge_from"]) == set(graph["edge_to"]) == {0, 1}
    oneway = graph["edge_reverse"] < 0
    assert oneway.sum() == 1
    assert graph["edge_speed_mps"][oneway] == pytest.approx(50 / 3.6)
    assert graph["edge_speed_mps"][~oneway] == pytest.approx([CLASS_SPEED_MPS["residential"]] * 4)


def test_edges_and_geometry_fit_together(extract: Path, tmp_path: Path) -> None:
    build_streets(extract, target=tmp_path / "streets.npz")
    graph = np.load(tmp_path / "streets.npz")
    first = graph["geometry_offsets"][:-1]
    last = graph["geometry_offsets"][1:] - 1
    assert np.array_equal(graph["geometry_lon"][first], graph["node_lon"][graph["edge_from"]])
    assert np.array_equal(graph["geometry_lat"][last], graph["node_lat"][graph["edge_to"]])
    assert np.all(np.diff(graph["edge_from"]) >= 0)
    two_way = np.flatnonzero(graph["edge_reverse"] >= 0)
    assert np.array_equal(graph["edge_reverse"][graph["edge_reverse"][two_way]], two_way)
    half_ring_m = 555.9 + 553.1
    assert graph["edge_length_m"][two_way] == pytest.approx([half_ring_m] * 4, rel=0.002)


def test_land_that_names_the_date_line_both_ways_stays_in_one_piece() -> None:
    """Eurasia once cut through every map north of 65 degrees: its ring went from 179.9 to -180 and back."""
    arcs = [np.array([[170.0, 60.0], [179.9, 65.0], [-180.0, 65.1], [-180.0, 68.9], [179.8, 69.0], [170.0, 60.0]])]
    ring = _ring([0], arcs)
    assert ring[:, 0].max() == 180.0
    assert np.abs(np.diff(ring[:, 0])).max() < 10


def test_a_name_stands_inside_its_country_even_when_that_is_bent() -> None:
    bent = np.array([[0, 0], [10, 0], [10, 2], [2, 2], [2, 10], [0, 10], [0, 0]], float)
    lon, lat = _roomiest_place(bent)
    assert lon < 2 or lat < 2


def test_only_arcs_between_two_countries_are_borders() -> None:
    square = {"type": "Polygon", "arcs": [[0, 1]]}
    neighbour = {"type": "Polygon", "arcs": [[~1, 2]]}
    topology = {
        "transform": {"scale": [1, 1], "translate": [0, 0]},
        "arcs": [[[0, 0], [1, 0]], [[1, 0], [0, 5]], [[1, 5], [3, 0]]],
        "objects": {"countries": {"geometries": [square, neighbour, {"type": None}]}},
    }
    borders = _borders(topology)
    assert [border["geometry"]["coordinates"] for border in borders] == [[[1.0, 0.0], [1.0, 5.0]]]
