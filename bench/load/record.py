"""What happened to every fix of a run: when it was due, acknowledged and seen, in columns."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["MARKS", "Record"]

MARKS = 256
"""A fix is recognised on the map by its course: send k of a device points to k mod 256 of the wire's 256 directions."""


@dataclass(slots=True)
class Record:
    """Fix i is send ``i // n`` of device ``order[i % n]``, n devices.

    Attributes:
        due_s: float64, when each fix is due, seconds from the start; fixed before the start.
        order: int64 [n], the order in which devices take turns.
        sent_s, acked_s: float64, NaN until it happens.
        sends: int64 [n], sends so far of each device, by place in the list of devices.
        refusals: count of error replies by code.
    """

    due_s: NDArray[np.float64]
    order: NDArray[np.int64]
    sent_s: NDArray[np.float64]
    acked_s: NDArray[np.float64]
    sends: NDArray[np.int64]
    turn: NDArray[np.int64]
    verdicts: dict[str, int] = field(default_factory=dict)
    refusals: dict[int, int] = field(default_factory=dict)

    @classmethod
    def planned(cls, *, device_count: int, rate_per_s: float, duration_s: float, seed: int) -> "Record":
        """The schedule of a run: evenly spaced turns in a random order, each moved by a random part of the spacing."""
        random = np.random.default_rng(seed)
        fix_count = int(rate_per_s * duration_s)
        order = random.permutation(device_count)
        turn = np.empty(device_count, np.int64)
        turn[order] = np.arange(device_count)
        return cls(
            due_s=(np.arange(fix_count) + random.random(fix_count)) / rate_per_s,
            order=order,
            sent_s=np.full(fix_count, np.nan),
            acked_s=np.full(fix_count, np.nan),
            sends=np.zeros(device_count, np.int64),
            turn=turn,
        )

    @property
    def device_count(self) -> int:
        """How many devices take turns."""
        return len(self.order)

    def fix_of(self, device: NDArray[np.int64], send: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of send ``send`` (from 0) of each device."""
        return self.turn[device] + send * self.device_count
