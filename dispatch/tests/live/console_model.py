"""What a dispatcher's map keeps of a tile: the model that frames are applied to in tests."""

from dataclasses import dataclass, field

import numpy as np

from dispatch.core.frames import CellFrame, FrameKind, Tile, VehicleFrame, decode_frame, payload_frame
from dispatch.core.status import STATUS_COUNT
from vola.django import LatestSource, SourceFrames

type Shown = tuple[int, int, float | None, float | None, int]


def nothing() -> None:
    """A source's ``changed`` that nobody listens to."""


@dataclass
class TileModel:
    """The vehicles of a tile by device, as a client knows them after the frames that it was sent."""

    source: LatestSource
    version: int = -1
    vehicles: dict[int, Shown] = field(default_factory=dict)
    kinds: list[FrameKind] = field(default_factory=list)

    def subscribe(self) -> None:
        """Begin again from a snapshot."""
        self._take(self.source.snapshot())

    def pull(self) -> None:
        """Take what is new, as an engine does for a subscription that can take it."""
        frames = self.source.changes(self.version)
        if frames is not None:
            self._take(frames)

    def _take(self, frames: SourceFrames) -> None:
        assert frames.version > self.version or not self.kinds
        for payload in frames.payloads:
            frame = decode_frame(payload_frame(payload))
            assert isinstance(frame, VehicleFrame)
            self.kinds.append(frame.kind)
            if frame.kind == FrameKind.SNAPSHOT:
                self.vehicles.clear()
            for device_id in frame.gone.tolist():
                self.vehicles.pop(device_id, None)
            self.vehicles.update(_shown(frame))
        self.version = frames.version


def _shown(frame: VehicleFrame) -> dict[int, Shown]:
    rows = frame.rows
    course = [None if np.isnan(value) else value for value in rows.course_deg.tolist()]
    speed = [None if np.isnan(value) else value for value in rows.speed_mps.tolist()]
    places = zip(rows.x.tolist(), rows.y.tolist(), course, speed, rows.status.tolist(), strict=True)
    return dict(zip(rows.id.tolist(), places, strict=True))


def fresh(source: LatestSource) -> dict[int, Shown]:
    """What a client that subscribes now would know."""
    model = TileModel(source)
    model.subscribe()
    return model.vehicles


def counts_of(frames: SourceFrames) -> tuple[Tile, list[int]]:
    """The tile of a cell frame, and its vehicles by status."""
    frame = decode_frame(payload_frame(frames.payloads[0]))
    assert isinstance(frame, CellFrame)
    assert frame.counts.shape == (64, STATUS_COUNT)
    return frame.tile, frame.counts.sum(axis=0).tolist()
