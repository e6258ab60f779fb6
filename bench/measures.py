"""What is measured and how: latency percentiles, processor time and memory of groups of processes."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

__all__ = ["ProcessGroup", "UsageWatch", "percentiles_ms"]

SAMPLE_EVERY_S = 2.0


def percentiles_ms(latencies_s: NDArray[np.float64]) -> dict[str, float | int]:
    """Percentiles of latencies in seconds, as milliseconds; how many there are comes first. NaN entries are left
    out."""
    known = latencies_s[~np.isnan(latencies_s)]
    if not len(known):
        return {"count": 0}
    p50, p99, p999, worst = np.percentile(known, (50, 99, 99.9, 100)) * 1000
    return {
        "count": len(known),
        "p50": round(float(p50), 1),
        "p99": round(float(p99), 1),
        "p99.9": round(float(p999), 1),
        "max": round(float(worst), 1),
    }


class ProcessGroup:
    """A process and, where it has them, its children: processor time so far and memory now."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def cpu_s(self) -> float:
        """Processor seconds (user and system) of all, with children that ended."""
        times = self._root.cpu_times()
        total = times.user + times.system + times.children_user + times.children_system
        for process in self._root.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                own = process.cpu_times()
                total += own.user + own.system
        return float(total)

    def memory_bytes(self) -> int:
        """Proportional set size of all: memory that processes share counts once."""
        total = 0
        for process in [self._root, *self._root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
        return total


class UsageWatch:
    """Processor seconds and the highest memory of named process groups during an asynchronous block."""

    def __init__(self, groups: Mapping[str, ProcessGroup]) -> None:
        self._groups = groups
        self._cpu_before_s: dict[str, float] = {}
        self._memory_bytes: dict[str, int] = dict.fromkeys(groups, 0)
        self._task: asyncio.Task[None] | None = None
        self.result: dict[str, Any] = {}

    async def __aenter__(self) -> "UsageWatch":
        self._cpu_before_s = {name: group.cpu_s() for name, group in self._groups.items()}
        self._task = asyncio.get_running_loop().create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._note_memory()
        self.result = {
            name: {
                "cpu_s": round(group.cpu_s() - self._cpu_before_s[name], 2),
                "memory_mb_max": round(self._memory_bytes[name] / 1e6, 1),
            }
            for name, group in self._groups.items()
        }

    async def _sample(self) -> None:
        while True:
            self._note_memory()
            await asyncio.sleep(SAMPLE_EVERY_S)

    def _note_memory(self) -> None:
        for name, group in self._groups.items():
            self._memory_bytes[name] = max(self._memory_bytes[name], group.memory_bytes())
