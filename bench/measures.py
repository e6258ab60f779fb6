"""What is measured and how: latency percentiles, processor time and memory of groups of processes."""

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

__all__ = ["ProcessGroup", "UsageWatch", "percentiles_ms"]


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
    """Processor seconds of named process groups during a block, and their memory at its end."""

    def __init__(self, groups: Mapping[str, ProcessGroup]) -> None:
        self._groups = groups
        self._cpu_before_s: dict[str, float] = {}
        self.result: dict[str, Any] = {}

    def __enter__(self) -> "UsageWatch":
        self._cpu_before_s = {name: group.cpu_s() for name, group in self._groups.items()}
        return self

    def __exit__(self, *_: object) -> None:
        cpu_s = {name: group.cpu_s() - self._cpu_before_s[name] for name, group in self._groups.items()}
        self.result = {
            name: {"cpu_s": round(cpu_s[name], 2), "memory_mb": round(group.memory_bytes() / 1e6, 1)}
            for name, group in self._groups.items()
        }
