"""Web-mercator tiles and the cells that aggregate them.

A place is a pair of integers on the grid of level 30 (3.7 cm at the equator). The tile, the cell and the place in the
tile at any level are bits of it, so that levels agree with each other exactly and nothing is lost between them.
Vectorised; left out: geometry of areas. See ``docs/algorithms/tiles.md``.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.core.status import STATUS_COUNT

__all__ = [
    "CELLS_PER_SIDE",
    "CELL_LEVELS",
    "KEY_LEVEL_MAX",
    "NO_TILE",
    "TILE_LEVELS",
    "cell_counts",
    "cell_indexes",
    "grid_places",
    "offsets_u16",
    "tile_key",
    "tile_keys",
]

TILE_LEVELS: Final = (5, 8, 11, 14)
"""Levels at which vehicles are shown one by one. Steps of three: a tile of one holds 64 of the next."""
CELL_LEVELS: Final = tuple(range(12))
"""Levels at which vehicles are shown as counts."""
CELLS_PER_SIDE: Final = 8
NO_TILE: Final = -1
"""Key of a vehicle without a position."""
KEY_LEVEL_MAX: Final = 14

_GRID_LEVEL: Final = 30
_GRID_SIDE: Final = 2**_GRID_LEVEL
_CELL_BITS: Final = 3
_AXIS_BITS: Final = KEY_LEVEL_MAX


def grid_places(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns and rows (from the north) on the grid of level 30, int64 (n) each; -1 for both where a coordinate is NaN.

    Latitudes beyond 85.0511 degrees, which the projection has no place for, go to the first or the last row, and
    longitude 180 to the last column.
    """
    known = ~(np.isnan(lat) | np.isnan(lon))
    sine = np.sin(np.radians(np.where(known, lat, 0.0)))
    across = np.where(known, lon, 0.0) / 360.0 + 0.5
    # The poles are infinitely far; a sine this close to 1 lies beyond the last row all the same.
    down = 0.5 - np.arctanh(np.clip(sine, -0.999999, 0.999999)) / (2.0 * np.pi)
    column = np.clip(np.floor(across * _GRID_SIDE), 0, _GRID_SIDE - 1).astype(np.int64)
    row = np.clip(np.floor(down * _GRID_SIDE), 0, _GRID_SIDE - 1).astype(np.int64)
    column[~known] = -1
    row[~known] = -1
    return column, row


def tile_key(*, fleet_id: int, x: int, y: int) -> int:
    """The key of a fleet's tile. Keys of different levels may be equal: keep levels apart."""
    return ((fleet_id << _AXIS_BITS) | x) << _AXIS_BITS | y


def tile_keys(
    *, fleet_id: NDArray[np.int64], column: NDArray[np.int64], row: NDArray[np.int64], level: int
) -> NDArray[np.int64]:
    """The key of the tile of ``level`` that each vehicle is in: int64 (n), NO_TILE where it has no place.

    ``fleet_id`` is below 2**35: with 14 bits for each axis a key fits int64.
    """
    assert 0 <= level <= KEY_LEVEL_MAX, "keys hold 14 bits an axis"
    shift = _GRID_LEVEL - level
    keys = ((fleet_id << _AXIS_BITS) | (column >> shift)) << _AXIS_BITS | (row >> shift)
    keys[column < 0] = NO_TILE
    return keys


def cell_indexes(*, column: NDArray[np.int64], row: NDArray[np.int64], level: int) -> NDArray[np.uint8]:
    """Which of the 64 cells of its tile of ``level`` each place is in: row * 8 + column, from the north-west; uint8
    (n)."""
    shift = _GRID_LEVEL - level - _CELL_BITS
    last = CELLS_PER_SIDE - 1
    return (((row >> shift) & last) * CELLS_PER_SIDE + ((column >> shift) & last)).astype(np.uint8)


def cell_counts(*, cell: NDArray[np.uint8], status: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Vehicles of one tile by cell and status: uint32 (64, STATUS_COUNT)."""
    cells = CELLS_PER_SIDE * CELLS_PER_SIDE
    mixed = cell.astype(np.int64) * STATUS_COUNT + status
    return np.bincount(mixed, minlength=cells * STATUS_COUNT).reshape(cells, STATUS_COUNT).astype(np.uint32)


def offsets_u16(axis: NDArray[np.int64], *, level: int) -> NDArray[np.uint16]:
    """Place along one axis in its tile of ``level``: uint16 (n), 0 one edge and 65,535 the other."""
    size = 1 << (_GRID_LEVEL - level)
    return np.rint((axis & (size - 1)) * (65_535.0 / (size - 1))).astype(np.uint16)
