"""Devices that report over the client protocol's WebSocket: open loop, one connection a device.

The schedule is fixed before the start. A device sends when its fix is due, whether or not earlier ones were answered,
and latency counts from the moment at which the fix was due, so that a server that stalls cannot hide it by slowing
the loader.
"""

import asyncio
import time
from collections.abc import Sequence

import numpy as np

from bench.load.connection import Connection, Push, Reply, open_connection
from bench.load.record import MARKS, Record
from bench.load.waiting import wait_until
from bench.people import BenchDevice

__all__ = ["DeviceLoad"]

OPENING_COUNT_MAX = 100
CONNECT_TIMEOUT_S = 30.0
TICK_S = 0.001
CENTRE_LAT, CENTRE_LON = 60.1699, 24.9384
SPREAD_DEG = 0.05
"""Devices start within about 5.5 km of the centre of Helsinki."""
STEP_DEG = 0.00003
"""A device moves about 3 m between fixes."""


class DeviceLoad:
    """All devices of a run."""

    def __init__(self, record: Record, *, devices: Sequence[BenchDevice], seed: int) -> None:
        self._record = record
        self._devices = devices
        random = np.random.default_rng([seed, 2])
        self._lat = CENTRE_LAT + random.uniform(-SPREAD_DEG, SPREAD_DEG, len(devices))
        self._lon = CENTRE_LON + random.uniform(-SPREAD_DEG, SPREAD_DEG, len(devices)) * 2
        self._connections: list[Connection] = []
        self._connected_count = 0
        self._started_s = 0.0
        self._wall_started_ms = 0
        self.connect_errors: list[str] = []

    async def open(self, websocket_url: str) -> None:
        """Connect every device and wait until each is authenticated or refused."""
        gate = asyncio.Semaphore(OPENING_COUNT_MAX)

        async def connect(device: BenchDevice) -> Connection:
            async with gate:
                data = b'{"data":{"device_id":"%b","secret":"%b"}}' % (
                    device.unique_id.encode(),
                    device.secret.encode(),
                )
                return await open_connection(
                    websocket_url, connect=data, headers={}, replied=self._on_reply, pushed=self._on_push
                )

        self._connections = await asyncio.gather(*(connect(device) for device in self._devices))
        await wait_until(
            lambda: self._connected_count + len(self.connect_errors) == len(self._devices), timeout_s=CONNECT_TIMEOUT_S
        )

    @property
    def connected_count(self) -> int:
        """Devices that were authenticated."""
        return self._connected_count

    @property
    def lost_count(self) -> int:
        """Connections that ended."""
        return sum(connection.is_lost for connection in self._connections)

    async def run(self, *, started_s: float) -> None:
        """Send every fix when it is due, from ``started_s`` of ``time.perf_counter`` on."""
        self._started_s = started_s
        self._wall_started_ms = time.time_ns() // 1_000_000 + round((started_s - time.perf_counter()) * 1000)
        due_s = self._record.due_s
        index = 0
        while index < len(due_s):
            now_s = time.perf_counter() - started_s
            while index < len(due_s) and due_s[index] <= now_s:
                self._send(index, now_s)
                index += 1
            await asyncio.sleep(TICK_S)

    async def drain(self, *, timeout_s: float) -> None:
        """Wait until every fix is answered, at most ``timeout_s``."""
        await wait_until(lambda: self._answered_count() == len(self._record.due_s), timeout_s=timeout_s)

    def fix_time_ms(self, index: int) -> int:
        """The time that fix ``index`` carries: when it was due, by the wall clock."""
        return self._wall_started_ms + int(self._record.due_s[index] * 1000)

    def close(self) -> None:
        """End the connections."""
        for connection in self._connections:
            if connection.transport is not None:
                connection.transport.disconnect()

    def _answered_count(self) -> int:
        return int((~np.isnan(self._record.acked_s)).sum()) + sum(self._record.refusals.values())

    def _send(self, index: int, now_s: float) -> None:
        record = self._record
        send, turn = divmod(index, record.device_count)
        device = int(record.order[turn])
        record.sends[device] = send + 1
        record.sent_s[index] = now_s
        self._connections[device].send(
            b'{"id":%d,"rpc":{"method":"dispatch.report_fix","data":{"timestamp":%d,"lat":%.6f,"lon":%.6f,'
            b'"speed_mps":8,"course_deg":%.6f,"accuracy_m":5}}}'
            % (
                index + 2,
                self.fix_time_ms(index),
                self._lat[device] + STEP_DEG * (send % 200),
                self._lon[device],
                (send % MARKS) * (360.0 / MARKS),
            )
        )

    def _on_reply(self, reply: Reply) -> None:
        if reply.id == 1:
            if reply.error is None:
                self._connected_count += 1
            else:
                self.connect_errors.append(reply.error.message)
        elif reply.error is not None:
            self._record.refusals[reply.error.code] = self._record.refusals.get(reply.error.code, 0) + 1
        elif reply.rpc is not None:
            self._record.acked_s[reply.id - 2] = time.perf_counter() - self._started_s
            verdict = reply.rpc.data.verdict
            self._record.verdicts[verdict] = self._record.verdicts.get(verdict, 0) + 1

    def _on_push(self, push: Push) -> None:
        """Devices subscribe to nothing."""
