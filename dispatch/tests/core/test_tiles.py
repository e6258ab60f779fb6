"""Tiles and cells: nothing is lost or counted twice, at any level and at the edges of the projection."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from dispatch.core.status import STATUS_COUNT, Status
from dispatch.core.tiles import (
    CELL_LEVELS,
    NO_TILE,
    TILE_LEVELS,
    cell_counts,
    cell_indexes,
    grid_places,
    offsets_u16,
    tile_key,
    tile_keys,
)

FLEETS = (1, 2, 2**31 - 1)

latitudes = st.one_of(
    st.floats(-90, 90), st.sampled_from([-90.0, -85.06, -85.0511, 0.0, 85.0511, 85.06, 90.0, math.nan])
)
longitudes = st.one_of(st.floats(-180, 180), st.sampled_from([-180.0, -1e-12, 0.0, 179.9999999, 180.0]))
vehicles = st.lists(
    st.tuples(st.sampled_from(FLEETS), latitudes, longitudes, st.sampled_from(list(Status)[1:])), max_size=40
)


@settings(deadline=None)
@given(vehicles)
def test_tiles_of_a_fleet_and_its_unlocated_vehicles_add_up_to_the_fleet_at_every_level(
    rows: list[tuple[int, float, float, Status]],
) -> None:
    fleet_id = np.array([row[0] for row in rows], np.int64)
    lat, lon = (np.array([row[axis] for row in rows], np.float64) for axis in (1, 2))
    status = np.array([row[3] for row in rows], np.uint8)
    column, row = grid_places(lat, lon)

    for level in sorted({*TILE_LEVELS, *CELL_LEVELS}):
        keys = tile_keys(fleet_id=fleet_id, column=column, row=row, level=level)
        side = 2**level
        for fleet in FLEETS:
            in_tiles = 0
            for key in np.unique(keys[(fleet_id == fleet) & (keys != NO_TILE)]).tolist():
                x, y = (key >> 14) & 0x3FFF, key & 0x3FFF
                assert (0 <= x < side, 0 <= y < side, key) == (True, True, tile_key(fleet_id=fleet, x=x, y=y))
                inside = keys == key
                counts = np.zeros((64, STATUS_COUNT), np.uint32)
                if level in CELL_LEVELS:
                    cells = cell_indexes(column=column[inside], row=row[inside], level=level)
                    counts = cell_counts(cell=cells, status=status[inside])
                    assert counts.sum() == inside.sum()
                    assert counts.sum(axis=0).tolist() == np.bincount(status[inside], minlength=STATUS_COUNT).tolist()
                assert counts[:, Status.UNLOCATED].sum() == 0
                in_tiles += int(inside.sum())
            unlocated = int((np.isnan(lat) & (fleet_id == fleet)).sum())
            assert in_tiles + unlocated == int((fleet_id == fleet).sum())


@settings(deadline=None)
@given(
    npst.arrays(np.float64, 20, elements=st.floats(-90, 90)), npst.arrays(np.float64, 20, elements=st.floats(-180, 180))
)
def test_a_tile_lies_in_the_tile_of_the_level_before_and_its_cell_is_the_tile_three_levels_on(
    lat: np.ndarray, lon: np.ndarray
) -> None:
    column, row = grid_places(lat, lon)
    fleet_id = np.ones(len(lat), np.int64)
    for level in CELL_LEVELS:
        coarse = tile_keys(fleet_id=fleet_id, column=column, row=row, level=level)
        fine = tile_keys(fleet_id=fleet_id, column=column, row=row, level=level + 3)
        x, y = (fine >> 14) & 0x3FFF, fine & 0x3FFF
        assert (coarse == ((1 << 14 | x >> 3) << 14 | y >> 3)).all()
        assert (cell_indexes(column=column, row=row, level=level) == (y & 7) * 8 + (x & 7)).all()


@settings(deadline=None)
@given(st.floats(-85.05, 85.05), st.floats(-179.99, 179.99), st.sampled_from(TILE_LEVELS))
def test_tile_and_offset_lead_back_to_the_place_within_half_a_step(lat: float, lon: float, level: int) -> None:
    column, row = grid_places(np.array([lat]), np.array([lon]))
    key = int(tile_keys(fleet_id=np.array([1]), column=column, row=row, level=level)[0])
    x = ((key >> 14) & 0x3FFF) + int(offsets_u16(column, level=level)[0]) / 65_535
    y = (key & 0x3FFF) + int(offsets_u16(row, level=level)[0]) / 65_535

    step = 360 / 2**level / 65_535
    assert x / 2**level * 360 - 180 == pytest.approx(lon, abs=1.1 * step)
    back = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / 2**level))))
    assert back == pytest.approx(lat, abs=1.1 * step)


def test_the_worked_table_of_the_documentation_holds() -> None:
    column, row = grid_places(np.array([37.7764, 90.0]), np.array([-122.3957, 180.0]))

    assert column.tolist() == [171_811_517, 2**30 - 1]
    assert row.tolist() == [415_018_035, 0]
    assert (column >> 25).tolist() == [5, 31]
    assert (row >> 16).tolist() == [6332, 0]
    assert offsets_u16(column, level=14).tolist() == [41_661, 65_535]
    assert offsets_u16(row, level=14).tolist() == [44_083, 0]
