"""PostgreSQL's binary COPY format, written from columns without a loop over rows.

All fields but the last are of fixed width, so n rows are first laid out as an n x width matrix of bytes; what NULLs
leave out is then masked away, and reading the matrix row by row is the stream. The last field is jsonb, the only one
of variable length.
Source: PostgreSQL documentation, COPY, "Binary Format"; timestamps are microseconds since 2000-01-01 UTC.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Field", "encode_rows", "nullable", "timestamps"]

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER: Final = struct.pack(">h", -1)
_POSTGRES_EPOCH_MS: Final = 946_684_800_000
_JSONB_VERSION: Final = b"\x01"
_LENGTH: Final = struct.Struct(">i")


@dataclass(frozen=True, slots=True)
class Field:
    """A column of n values in big-endian byte order, and where it is NULL (None: nowhere)."""

    values: NDArray[Any]
    is_null: NDArray[np.bool_] | None = None


def nullable(values: NDArray[np.floating[Any]]) -> Field:
    """A float column in which NaN is NULL."""
    return Field(values.astype(values.dtype.newbyteorder(">")), np.isnan(values))


def timestamps(times_ms: NDArray[np.int64]) -> Field:
    """A timestamptz column from milliseconds since 1970 UTC."""
    return Field(((times_ms - _POSTGRES_EPOCH_MS) * 1000).astype(">i8"))


def encode_rows(fields: Sequence[Field], *, jsonb: Sequence[bytes | None]) -> bytes:
    """The whole COPY stream of a table whose last column is jsonb.

    Args:
        fields: the columns before the last, each n long.
        jsonb: n entries of JSON text (UTF-8) or None for NULL.

    Returns:
        Header, n rows and trailer.
    """
    matrix, keep = _lay_out(fields, row_count=len(jsonb))
    rows = matrix[keep].tobytes()
    if any(jsonb):
        rows = _with_jsonb(rows, row_ends=np.cumsum(keep.sum(axis=1)).tolist(), jsonb=jsonb)
    return _HEADER + rows + _TRAILER


def _lay_out(fields: Sequence[Field], *, row_count: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """All rows as bytes, with a NULL jsonb at the end of each, and which of the bytes belong to the stream."""
    width = 2 + sum(4 + field.values.dtype.itemsize for field in fields) + 4
    matrix = np.full((row_count, width), 0xFF, np.uint8)  # 0xFFFFFFFF is the length of a NULL
    keep = np.ones((row_count, width), np.bool_)
    matrix[:, :2] = np.frombuffer(struct.pack(">h", len(fields) + 1), np.uint8)
    start = 2
    for field in fields:
        size = field.values.dtype.itemsize
        end = start + 4 + size
        matrix[:, start : start + 4] = np.frombuffer(_LENGTH.pack(size), np.uint8)
        matrix[:, start + 4 : end] = np.ascontiguousarray(field.values).view(np.uint8).reshape(row_count, size)
        if field.is_null is not None:
            matrix[field.is_null, start : start + 4] = 0xFF
            keep[field.is_null, start + 4 : end] = False
        start = end
    return matrix, keep


def _with_jsonb(rows: bytes, *, row_ends: list[int], jsonb: Sequence[bytes | None]) -> bytes:
    """The rows with their jsonb in the place of the NULL that ends each."""
    pieces: list[bytes] = []
    start = 0
    for end, text in zip(row_ends, jsonb, strict=True):
        if text is None:
            pieces.append(rows[start:end])
        else:
            pieces += (rows[start : end - 4], _LENGTH.pack(len(text) + 1), _JSONB_VERSION, text)
        start = end
    return b"".join(pieces)
