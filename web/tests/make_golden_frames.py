"""Writes golden_frames.json: frames from the server's own encoder beside the columns they hold.

.venv/bin/python web/tests/make_golden_frames.py
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from dispatch.core.frames import FrameKind, Tile, VehicleRows, encode_cells, encode_vehicles

CLOCK_S = 1_211_018_462.5


def vehicles(kind: FrameKind, *, count: int, gone: list[int]) -> dict[str, Any]:
    """A frame of ``count`` rows with the columns a console reads from it."""
    row = np.arange(count)
    course_deg = (row * 33.75 % 360).astype(np.float32)
    course_deg[row % 4 == 3] = np.nan
    speed_mps = (row * 1.5).astype(np.float32)
    speed_mps[row % 5 == 4] = np.nan
    rows = VehicleRows(
        id=(row * 70_001 + 7).astype(np.uint32),
        x=(row * 1_021 % 65_536).astype(np.uint16),
        y=(65_535 - row * 257).astype(np.uint16),
        course_deg=course_deg,
        speed_mps=speed_mps,
        status=(1 + row % 4).astype(np.uint8),
        age_s=np.minimum(row * row * 40, 65_535).astype(np.uint16),
    )
    left = np.array(gone, np.uint32)
    frame = encode_vehicles(rows, kind=kind, tile=Tile(11, 1165, 592), clock_s=CLOCK_S, gone=left)
    unknown = np.isnan(course_deg)
    return {
        "frame": base64.b64encode(frame).decode(),
        "kind": int(kind),
        "id": rows.id.tolist(),
        "place_x": rows.x.tolist(),
        "place_y": rows.y.tolist(),
        "course": np.rint(np.nan_to_num(course_deg) * 256 / 360).astype(int).tolist(),
        "speed": np.where(np.isnan(speed_mps), 255, np.minimum(254, np.nan_to_num(speed_mps) * 2)).astype(int).tolist(),
        "status": (rows.status + unknown * 8).tolist(),
        "age_s": rows.age_s.tolist(),
        "gone": gone,
    }


def cells() -> dict[str, Any]:
    """Two filled cells of a tile."""
    counts = np.zeros((64, 5), np.uint32)
    counts[9] = [0, 12, 3, 400_000, 1]
    counts[63] = [0, 0, 0, 2, 0]
    frame = encode_cells(counts, tile=Tile(4, 9, 4), clock_s=CLOCK_S)
    return {"frame": base64.b64encode(frame).decode(), "cell": [9, 63], "counts": counts[[9, 63]].T.tolist()}


golden = {
    "clock_s": CLOCK_S,
    "snapshot": vehicles(FrameKind.SNAPSHOT, count=64, gone=[]),
    "delta": vehicles(FrameKind.DELTA, count=3, gone=[5, 4_000_000_000]),
    "cells": cells(),
}
Path(__file__).with_name("golden_frames.json").write_text(json.dumps(golden) + "\n")
