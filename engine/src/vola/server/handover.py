"""Publishing from other threads: one wake-up of the loop for each burst, and a bound on what waits."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from vola.core.node import Node
from vola.errors import HandoverFull, PublishRefused

__all__ = ["HandedPublication", "PublishHandover"]

_logger = logging.getLogger("vola.handover")


@dataclass(frozen=True, slots=True)
class HandedPublication:
    """What to publish: raw JSON to a channel. See `Node.publish`."""

    channel: str
    data: bytes
    key: str = ""
    tags: Mapping[str, str] | None = None
    idempotency_key: str = ""


class PublishHandover:
    """Takes publications on any thread and publishes them on the loop's, in the order in which they were handed over.

    Args:
        waiting_max: publications that may wait.
        slice_max: publications in one turn of the loop, so that connections get theirs in between.
    """

    def __init__(self, node: Node, *, waiting_max: int, slice_max: int) -> None:
        self._node = node
        self._waiting_max = waiting_max
        self._slice_max = slice_max
        self._lock = threading.Lock()
        self._waiting: deque[HandedPublication] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_awake = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop runs: publish there, first what was handed over before."""
        with self._lock:
            self._loop = loop
            self._wake()

    def detach(self) -> None:
        """The loop is about to stop. What is handed over from now on waits."""
        with self._lock:
            self._loop = None

    def publish(self, publication: HandedPublication) -> None:
        """Hand over one publication. Any thread; never blocks on the loop.

        Raises:
            HandoverFull: too many wait already. Nothing was taken.
        """
        with self._lock:
            if len(self._waiting) >= self._waiting_max:
                raise HandoverFull(limit=self._waiting_max)
            self._waiting.append(publication)
            self._wake()

    def drain(self) -> None:
        """Publish everything that waits, at once. Loop thread only; for the shutdown."""
        while self._waiting:
            self._publish_slice()

    def _wake(self) -> None:
        if self._loop is not None and self._waiting and not self._is_awake:
            self._is_awake = True
            self._loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        self._publish_slice()
        with self._lock:
            self._is_awake = False
            self._wake()

    def _publish_slice(self) -> None:
        with self._lock:
            count = min(self._slice_max, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
        for item in batch:
            try:
                self._node.publish(
                    item.channel, item.data, key=item.key, tags=item.tags, idempotency_key=item.idempotency_key
                )
            except PublishRefused as refused:
                self._node.counters.faults[refused.code] += 1
                _logger.warning("A publication of another thread was refused: %s", refused)
