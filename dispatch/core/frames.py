"""Tile frames: what a dispatcher's map receives, in bytes.

Encoder and decoder of ``docs/reference/tile-frames.md``; the decoder is for tests and load tools. Pure. Left out:
which rows a frame holds (``dispatch.live``).
"""

import base64
import struct
import zlib
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dispatch.core.status import STATUS_COUNT

__all__ = [
    "CellFrame",
    "FrameError",
    "FrameKind",
    "Tile",
    "VehicleFrame",
    "VehicleRows",
    "decode_frame",
    "encode_cells",
    "encode_vehicles",
    "json_payload",
    "payload_frame",
]

_FORMAT: Final = 1
_HEADER: Final = struct.Struct("<BBBBIIIIIdd")
_COURSE_UNKNOWN: Final = 8
_SPEED_UNKNOWN: Final = 255
_SPEED_STEPS_MAX: Final = 254
_AGE_S_MAX: Final = 65_535
_ROW_BYTES: Final = 13
_CELL_BYTES: Final = 1 + 4 * STATUS_COUNT

_DEFLATE_FROM_BYTES: Final = 128
"""A shorter body hardly shrinks."""
_DEFLATE_WELL_UNTIL_BYTES: Final = 16_384
"""Up to here the better level costs less than a millisecond; beyond, the faster one keeps the loop free."""
_LEVEL_WELL: Final = 6
_LEVEL_FASTER: Final = 4


class FrameKind(IntEnum):
    """What a frame does to the tile that it is about."""

    SNAPSHOT = 1
    DELTA = 2
    CELLS = 3


class FrameError(ValueError):
    """Bytes that are no tile frame of this format."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A web-mercator tile: ``x`` from the west, ``y`` from the north."""

    level: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class VehicleRows:
    """Vehicles in columns of one length, ascending by id.

    Attributes:
        id: uint32, the device.
        x, y: uint16, place in the tile.
        course_deg, speed_mps: float32, NaN is unknown. Decoded ones are what the steps of the wire leave of them.
        status: uint8.
        age_s: whole seconds from the fix to the frame's clock, 0..65,535.
    """

    id: NDArray[np.uint32]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    course_deg: NDArray[np.float32]
    speed_mps: NDArray[np.float32]
    status: NDArray[np.uint8]
    age_s: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.id)


def _no_identifiers() -> NDArray[np.uint32]:
    return np.zeros(0, np.uint32)


@dataclass(frozen=True, slots=True)
class VehicleFrame:
    """A decoded snapshot or delta."""

    kind: FrameKind
    tile: Tile
    clock_s: float
    rows: VehicleRows
    gone: NDArray[np.uint32] = field(default_factory=_no_identifiers)


@dataclass(frozen=True, slots=True)
class CellFrame:
    """Decoded aggregates: ``counts`` is uint32 (64, STATUS_COUNT)."""

    tile: Tile
    clock_s: float
    counts: NDArray[np.uint32]


def ages_s(*, fix_time_ms: NDArray[np.int64], now_ms: int) -> NDArray[np.uint16]:
    """Whole seconds from each fix to ``now_ms``; a fix ahead of the clock has age 0."""
    return np.clip((now_ms - fix_time_ms) // 1000, 0, _AGE_S_MAX).astype(np.uint16)


def encode_vehicles(
    rows: VehicleRows, *, kind: FrameKind, tile: Tile, clock_s: float, gone: NDArray[np.uint32] | None = None
) -> bytes:
    """A snapshot or delta frame. ``rows.id`` and ``gone`` ascend; ``gone`` is for deltas."""
    left = _no_identifiers() if gone is None else gone
    courses = np.nan_to_num(rows.course_deg, nan=0.0)
    course = np.rint(courses * (256.0 / 360.0)).astype(np.int64) & 0xFF
    speeds = np.nan_to_num(rows.speed_mps, nan=0.0)
    speed = np.clip(np.rint(speeds * 2.0), 0, _SPEED_STEPS_MAX)
    speed[np.isnan(rows.speed_mps)] = _SPEED_UNKNOWN
    status = rows.status | np.where(np.isnan(rows.course_deg), np.uint8(_COURSE_UNKNOWN), np.uint8(0))
    body = b"".join(
        (
            _planes(_differences(rows.id)),
            _planes(rows.x),
            _planes(rows.y),
            course.astype(np.uint8).tobytes(),
            speed.astype(np.uint8).tobytes(),
            status.tobytes(),
            _planes(rows.age_s),
            _planes(_differences(left)),
        )
    )
    return _frame(body, kind=kind, tile=tile, clock_s=clock_s, row_count=len(rows), gone_count=len(left))


def encode_cells(counts: NDArray[np.uint32], *, tile: Tile, clock_s: float) -> bytes:
    """The aggregates of a tile, from uint32 (64, STATUS_COUNT); empty cells are left out."""
    filled = np.flatnonzero(counts.any(axis=1))
    columns = np.ascontiguousarray(counts[filled].T, "<u4")
    body = filled.astype(np.uint8).tobytes() + columns.tobytes()
    return _frame(body, kind=FrameKind.CELLS, tile=tile, clock_s=clock_s, row_count=len(filled), gone_count=0)


def json_payload(frame: bytes) -> bytes:
    """The frame as the JSON string that a publication carries."""
    return b'"' + base64.b64encode(frame) + b'"'


def payload_frame(payload: bytes) -> bytes:
    """The frame in a JSON string made by :func:`json_payload`."""
    return base64.b64decode(payload[1:-1], validate=True)


def decode_frame(frame: bytes) -> VehicleFrame | CellFrame:
    """Read a frame.

    Raises:
        FrameError: not format 1, an unknown kind or encoding, or a body of another length than the header says.
    """
    if len(frame) < _HEADER.size:
        raise FrameError("shorter than a header")
    number, kind, encoding, level, x, y, row_count, gone_count, _, clock_s, _ = _HEADER.unpack_from(frame)
    if number != _FORMAT or kind not in FrameKind or encoding > 1:
        raise FrameError(f"format {number}, kind {kind}, encoding {encoding}")
    tile = Tile(level, x, y)
    body = frame[_HEADER.size :]
    expected = row_count * _CELL_BYTES if kind == FrameKind.CELLS else row_count * _ROW_BYTES + gone_count * 4
    if encoding:
        body = _inflate(body, length=expected)
    if len(body) != expected:
        raise FrameError(f"{len(body)} bytes where {expected} are expected")
    if kind == FrameKind.CELLS:
        return CellFrame(tile, clock_s, _cells(body, row_count=row_count))
    rows, gone = _vehicles(body, row_count=row_count, gone_count=gone_count)
    return VehicleFrame(FrameKind(kind), tile, clock_s, rows, gone)


def _frame(body: bytes, *, kind: FrameKind, tile: Tile, clock_s: float, row_count: int, gone_count: int) -> bytes:
    encoding = 0
    if len(body) >= _DEFLATE_FROM_BYTES:
        level = _LEVEL_WELL if len(body) <= _DEFLATE_WELL_UNTIL_BYTES else _LEVEL_FASTER
        squeezed = zlib.compress(body, level, wbits=-zlib.MAX_WBITS)
        if len(squeezed) < len(body):
            encoding, body = 1, squeezed
    sizes = (row_count, gone_count, 0)
    return _HEADER.pack(_FORMAT, kind, encoding, tile.level, tile.x, tile.y, *sizes, clock_s, 0.0) + body


def _inflate(body: bytes, *, length: int) -> bytes:
    inflator = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return inflator.decompress(body, length + 1)
    except zlib.error as error:
        raise FrameError(str(error)) from error


def _differences(identifiers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    differences: NDArray[np.uint32] = np.diff(identifiers, prepend=np.uint32(0))
    return differences


def _planes(column: NDArray[np.uint16] | NDArray[np.uint32]) -> bytes:
    """The column's low bytes, then the next ones: similar bytes side by side are what deflate shrinks."""
    little = np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
    return little.view(np.uint8).reshape(len(little), column.dtype.itemsize).T.tobytes()


def _from_planes(body: bytes, *, at: int, count: int, width: int) -> NDArray[np.uint32]:
    planes = np.frombuffer(body, np.uint8, count * width, at).reshape(width, count).astype(np.uint32)
    shifts = np.arange(width, dtype=np.uint32) * 8
    values: NDArray[np.uint32] = np.bitwise_or.reduce(planes << shifts[:, np.newaxis], axis=0)
    return values


def _vehicles(body: bytes, *, row_count: int, gone_count: int) -> tuple[VehicleRows, NDArray[np.uint32]]:
    n = row_count
    course = np.frombuffer(body, np.uint8, n, 8 * n).astype(np.float32) * np.float32(360.0 / 256.0)
    speed_steps = np.frombuffer(body, np.uint8, n, 9 * n)
    status = np.frombuffer(body, np.uint8, n, 10 * n)
    course[status & _COURSE_UNKNOWN != 0] = np.nan
    speed = speed_steps.astype(np.float32) * np.float32(0.5)
    speed[speed_steps == _SPEED_UNKNOWN] = np.nan
    rows = VehicleRows(
        id=np.cumsum(_from_planes(body, at=0, count=n, width=4), dtype=np.uint32),
        x=_from_planes(body, at=4 * n, count=n, width=2).astype(np.uint16),
        y=_from_planes(body, at=6 * n, count=n, width=2).astype(np.uint16),
        course_deg=course,
        speed_mps=speed,
        status=status & np.uint8(7),
        age_s=_from_planes(body, at=11 * n, count=n, width=2).astype(np.uint16),
    )
    gone = _from_planes(body, at=_ROW_BYTES * n, count=gone_count, width=4)
    return rows, np.cumsum(gone, dtype=np.uint32)


def _cells(body: bytes, *, row_count: int) -> NDArray[np.uint32]:
    counts = np.zeros((64, STATUS_COUNT), np.uint32)
    filled = np.frombuffer(body, np.uint8, row_count)
    if row_count and filled.max() >= len(counts):
        raise FrameError("a cell beyond 63")
    columns = np.frombuffer(body, "<u4", row_count * STATUS_COUNT, row_count).reshape(STATUS_COUNT, row_count)
    counts[filled] = columns.T
    return counts
