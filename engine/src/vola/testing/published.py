"""capture_published(): what the code under test published, without a node.

Inside a test's own transaction (TestCase, pytest-django's `db`) nothing ever commits, so on_commit callbacks would
never run; here the test's transaction counts as committed and the code's own atomic() blocks keep their meaning: what
they roll back is not captured, what they have not finished yet is not captured yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import connections

from vola.django.publishing import PendingPublication, replace_sink

__all__ = ["Capture", "Captured", "capture_published"]


@dataclass(frozen=True)
class Captured:
    """One publication: the channel's name, the data as subscribers would decode it, the key of a `latest` channel or
    ""."""

    channel: str
    data: Any
    key: str


class Capture(Sequence[Captured]):
    """What was published since the block began, in order of delivery."""

    def __init__(self) -> None:
        self._captured: list[Captured] = []

    def to(self, channel: object) -> list[Any]:
        """The data published to one channel, given as a channel object or a name."""
        name = getattr(channel, "name", channel)
        return [item.data for item in self if item.channel == name]

    def __len__(self) -> int:
        self.settle()
        return len(self._captured)

    def __getitem__(self, index: Any) -> Any:
        self.settle()
        return self._captured[index]

    def __repr__(self) -> str:
        self.settle()
        return f"<Capture {self._captured!r}>"

    def add(self, channel: str, data: bytes, key: str) -> None:
        """Take one publication; the sink of publish() during the block."""
        self._captured.append(Captured(channel, msgspec.json.decode(data), key))

    def settle(self) -> None:
        """Deliver what only waits for the test's own transaction."""
        for connection in connections.all(initialized_only=True):
            blocks = connection.atomic_blocks
            if not blocks or not all(getattr(block, "_from_testcase", False) for block in blocks):
                continue
            callbacks, connection.run_on_commit = connection.run_on_commit, []
            for entry in callbacks:
                if isinstance(entry[1], PendingPublication):
                    entry[1]()
                else:
                    connection.run_on_commit.append(entry)


@contextmanager
def capture_published() -> Iterator[Capture]:
    """Capture publications of this process for the length of the block; no node is needed."""
    capture = Capture()
    before = replace_sink(capture.add)
    try:
        yield capture
        capture.settle()
    finally:
        replace_sink(before)
