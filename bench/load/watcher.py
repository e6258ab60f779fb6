"""A dispatcher who watches tiles, and how long each fix took to reach the map.

A frame shows the newest state of a vehicle. A fix counts as seen at the first frame that shows it or a newer fix of
its vehicle: that is the moment from which the dispatcher no longer looks at an older truth.
"""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.load.connection import Connection, Push, Reply, open_connection
from bench.load.record import MARKS, Record
from dispatch.core.frames import VehicleFrame, decode_frame, payload_frame

__all__ = ["Watcher"]


class Watcher:
    """One connection subscribed to tiles of a fleet.

    Attributes:
        seen_s: float64, when each fix of the record was seen, seconds from the start; NaN until then.
        frame_count, frame_bytes: what came in.
    """

    def __init__(self, record: Record, *, device_ids: NDArray[np.int64]) -> None:
        self._record = record
        self._place = np.full(int(device_ids.max()) + 1, -1, np.int64)
        self._place[device_ids] = np.arange(len(device_ids))
        self._shown = np.full(len(device_ids), -1, np.int64)
        self._started_s = 0.0
        self._replies: dict[int, Reply] = {}
        self._connection: Connection | None = None
        self.seen_s = np.full(len(record.due_s), np.nan)
        self.frame_count = 0
        self.frame_bytes = 0

    async def open(self, websocket_url: str, *, cookie: str, origin: str, channels: Sequence[str]) -> None:
        """Connect and subscribe."""
        self._connection = await open_connection(
            websocket_url,
            connect=b"{}",
            headers={"Cookie": cookie, "Origin": origin},
            replied=self._on_reply,
            pushed=self._on_push,
        )
        for number, channel in enumerate(channels, start=2):
            self._connection.send(b'{"id":%d,"subscribe":{"channel":"%b"}}' % (number, channel.encode()))

    def start(self, started_s: float) -> None:
        """The clock of the run starts at ``started_s`` of ``time.perf_counter``."""
        self._started_s = started_s

    def problems(self, *, channel_count: int) -> list[str]:
        """Why this watcher does not see what it should: missing or refused replies, a lost connection."""
        found = [f"reply {number}: {reply.error.message}" for number, reply in self._replies.items() if reply.error]
        if len(self._replies) < channel_count + 1:
            found.append(f"{len(self._replies)} of {channel_count + 1} replies")
        if self._connection is None or self._connection.is_lost:
            found.append("the connection is gone")
        return found

    def _on_reply(self, reply: Reply) -> None:
        self._replies[reply.id] = reply
        for publication in reply.subscribe.publications if reply.subscribe else ():
            self._take(bytes(publication.data))

    def _on_push(self, push: Push) -> None:
        if push.pub is not None:
            self._take(bytes(push.pub.data))

    def _take(self, payload: bytes) -> None:
        """Note which fixes a frame shows."""
        now_s = time.perf_counter() - self._started_s
        self.frame_count += 1
        self.frame_bytes += len(payload)
        frame = decode_frame(payload_frame(payload))
        assert isinstance(frame, VehicleFrame)
        device = self._place[frame.rows.id]
        sends = self._record.sends[device]
        mark = np.rint(frame.rows.course_deg * (MARKS / 360.0))
        known = (device >= 0) & (sends > 0) & ~np.isnan(mark)
        device, sends = device[known], sends[known]
        newest = sends - 1 - (sends - 1 - mark[known].astype(np.int64)) % MARKS
        behind = newest - self._shown[device]
        for step in range(int(behind.max(initial=0))):
            reached = behind > step
            fix = self._record.fix_of(device[reached], newest[reached] - step)
            self.seen_s[fix] = now_s
        self._shown[device] = np.maximum(self._shown[device], newest)
