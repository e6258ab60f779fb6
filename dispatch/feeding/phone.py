"""A device that sends: its identity, its memory of unsent fixes, and its patience."""

from collections import deque
from dataclasses import dataclass, field

__all__ = ["Phone", "backoff_s"]

BACKOFF_FIRST_S = 0.25
BACKOFF_MAX_S = 10.0


@dataclass(slots=True, eq=False)
class Phone:
    """One device.

    Attributes:
        unique_id: what it calls itself.
        head: the head of its requests (:func:`dispatch.feeding.encoding.request_head`).
        memory: encoded locations that are not acknowledged, oldest first; those of the request under way included.
        in_flight: how many of them are under way.
        one_by_one: how many of them must go alone, because the server refused them together.
        failures: failed tries in a row.
        is_offline: without network: it remembers and does not send.
        is_queued: it waits for a free connection or for its next try.
    """

    unique_id: str
    head: bytes
    memory: deque[bytes] = field(default_factory=deque)
    in_flight: int = 0
    one_by_one: int = 0
    failures: int = 0
    is_offline: bool = False
    is_queued: bool = False


def backoff_s(failures: int, *, jitter: float, asked_s: float | None = None) -> float:
    """How long to wait before the next try.

    Args:
        failures: tries in a row that failed, from 1.
        jitter: 0 to 1; spreads devices that failed together over half to all of the wait.
        asked_s: what the server asked for (``Retry-After``), a lower bound.
    """
    wait_s = min(BACKOFF_FIRST_S * 2.0 ** min(failures - 1, 16), BACKOFF_MAX_S) * (0.5 + 0.5 * jitter)
    return wait_s if asked_s is None else max(wait_s, min(asked_s, BACKOFF_MAX_S) * (1.0 + 0.5 * jitter))
