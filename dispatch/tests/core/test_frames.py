"""Tile frames: what goes in comes out within the steps of the wire; the size budget; refusal of what is no frame."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.core.frames import (
    CellFrame,
    FrameError,
    FrameKind,
    Tile,
    VehicleFrame,
    VehicleRows,
    ages_s,
    decode_frame,
    encode_cells,
    encode_vehicles,
    json_payload,
    payload_frame,
)

TILE = Tile(14, 2621, 6332)
u32 = st.integers(1, 2**32 - 1)
vehicles = st.lists(
    st.tuples(
        u32,
        st.integers(0, 65_535),
        st.integers(0, 65_535),
        st.one_of(st.just(float("nan")), st.floats(0, 360, width=32)),
        st.one_of(st.just(float("nan")), st.floats(0, 200, width=32)),
        st.integers(0, 4),
        st.integers(0, 65_535),
    ),
    max_size=60,
    unique_by=lambda row: row[0],
)


def rows_of(rows: list[tuple[int, int, int, float, float, int, int]]) -> VehicleRows:
    rows = sorted(rows)
    kinds = (np.uint32, np.uint16, np.uint16, np.float32, np.float32, np.uint8, np.uint16)
    columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
    return VehicleRows(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))


@settings(deadline=None)
@given(vehicles, st.lists(u32, unique=True, max_size=30))
def test_vehicles_survive_the_wire_within_its_steps(
    rows: list[tuple[int, int, int, float, float, int, int]], gone: list[int]
) -> None:
    sent = rows_of(rows)
    left = np.array(sorted(gone), np.uint32)

    frame = encode_vehicles(sent, kind=FrameKind.DELTA, tile=TILE, clock_s=1.25e9, gone=left)
    back = decode_frame(payload_frame(json_payload(frame)))

    assert isinstance(back, VehicleFrame)
    assert (back.kind, back.tile, back.clock_s) == (FrameKind.DELTA, TILE, 1.25e9)
    assert back.gone.tolist() == left.tolist()
    for name in ("id", "x", "y", "status", "age_s"):
        assert getattr(back.rows, name).tolist() == getattr(sent, name).tolist()
    turn = np.abs(back.rows.course_deg - sent.course_deg)
    assert np.array_equal(np.isnan(back.rows.course_deg), np.isnan(sent.course_deg))
    assert (np.fmin(turn, 360 - turn)[~np.isnan(turn)] <= 360 / 512 + 1e-3).all()
    assert np.array_equal(np.isnan(back.rows.speed_mps), np.isnan(sent.speed_mps))
    off = np.abs(back.rows.speed_mps - np.minimum(sent.speed_mps, 127.0))
    assert (off[~np.isnan(off)] <= 0.25).all()


def test_a_frame_has_the_documented_bytes() -> None:
    rows = rows_of([(258, 1, 0x0203, 90.0, 10.0, 1, 5), (513, 65_535, 0, float("nan"), float("nan"), 3, 65_535)])

    frame = encode_vehicles(rows, kind=FrameKind.DELTA, tile=TILE, clock_s=2.0, gone=np.array([7, 9], np.uint32))

    header = struct.pack("<BBBBIIIIIdd", 1, 2, 0, 14, 2621, 6332, 2, 2, 0, 2.0, 0.0)
    identifiers = bytes([2, 255, 1, 0, 0, 0, 0, 0])  # 258 and 255 more, plane by plane
    places = bytes([1, 255, 0, 255]) + bytes([3, 0, 2, 0])
    looks = bytes([64, 0]) + bytes([20, 255]) + bytes([1, 3 | 8]) + bytes([5, 255, 0, 255])
    assert frame == header + identifiers + places + looks + bytes([7, 2, 0, 0, 0, 0, 0, 0])


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 63), st.tuples(*[st.integers(0, 2**32 - 1)] * 5), max_size=64))
def test_cells_survive_the_wire(filled: dict[int, tuple[int, ...]]) -> None:
    counts = np.zeros((64, 5), np.uint32)
    for cell, values in filled.items():
        counts[cell] = values

    back = decode_frame(encode_cells(counts, tile=Tile(3, 1, 2), clock_s=7.0))

    assert isinstance(back, CellFrame)
    assert (back.tile, back.clock_s) == (Tile(3, 1, 2), 7.0)
    assert np.array_equal(back.counts, counts)


def test_fifty_thousand_vehicles_in_one_tile_stay_below_half_a_megabyte_of_base64() -> None:
    count = 50_000
    random = np.random.default_rng(1)
    moving = random.random(count) < 0.8
    rows = VehicleRows(
        id=np.sort(random.choice(200_000, count, replace=False)).astype(np.uint32),
        x=np.clip(random.normal(32_768, 8_000, count), 0, 65_535).astype(np.uint16),
        y=np.clip(random.normal(32_768, 8_000, count), 0, 65_535).astype(np.uint16),
        course_deg=np.where(moving, random.uniform(0, 360, count), np.nan).astype(np.float32),
        speed_mps=np.where(moving, random.uniform(1, 30, count), 0).astype(np.float32),
        status=np.where(moving, 1, 2).astype(np.uint8),
        age_s=random.integers(0, 30, count).astype(np.uint16),
    )

    frame = encode_vehicles(rows, kind=FrameKind.SNAPSHOT, tile=TILE, clock_s=0.0)

    assert len(frame) < 375_000
    assert len(json_payload(frame)) < 500_000
    back = decode_frame(frame)
    assert isinstance(back, VehicleFrame)
    assert np.array_equal(back.rows.id, rows.id)


def test_ages_are_whole_seconds_and_stay_in_range() -> None:
    times = np.array([10_000, 9_001, 9_000, 11_000, -(2**62)], np.int64)

    assert ages_s(fix_time_ms=times, now_ms=10_000).tolist() == [0, 0, 1, 0, 65_535]


def test_what_is_no_frame_is_refused() -> None:
    rows = rows_of([(device_id, 1, 2, 3.0, 4.0, 1, 5) for device_id in range(1, 100)])
    frame = encode_vehicles(rows, kind=FrameKind.SNAPSHOT, tile=TILE, clock_s=0.0)
    assert frame[2] == 1

    for broken in (
        b"",
        frame[:39],
        frame[:-9],
        b"\x02" + frame[1:],
        frame[:2] + b"\x00" + frame[3:],
        frame[:40] + b"\xff" * 9,
    ):
        with pytest.raises(FrameError):
            decode_frame(broken)
