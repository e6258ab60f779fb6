"""What a node counts. Plain numbers; exporters read a snapshot."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Counters", "CountersSnapshot"]


@dataclass(frozen=True, slots=True)
class CountersSnapshot:
    """The numbers at one moment. All but the gauges only ever grow.

    Attributes:
        connections, subscriptions, channels: gauges.
        connections_opened: since the start.
        frames_in, commands_in: from clients; a frame holds one command or more.
        frames_out, messages_out: to clients.
        publications_in: accepted for publishing; publications_out: put into clients' queues.
        malformed: bad frames by what was wrong with them (an error's `code`).
        errors, disconnects, unsubscribes: sent to clients, by code.
        lost: connections that ended without a word from the server.
        faults: exceptions of application code (sources, directories) by place.
    """

    connections: int
    subscriptions: int
    channels: int
    connections_opened: int
    frames_in: int
    commands_in: int
    frames_out: int
    messages_out: int
    publications_in: int
    publications_out: int
    lost: int
    malformed: Mapping[str, int]
    errors: Mapping[int, int]
    disconnects: Mapping[int, int]
    unsubscribes: Mapping[int, int]
    faults: Mapping[str, int]


class Counters:
    """The running numbers of one node. Loop thread only."""

    __slots__ = (
        "commands_in",
        "connections_opened",
        "disconnects",
        "errors",
        "faults",
        "frames_in",
        "frames_out",
        "lost",
        "malformed",
        "messages_out",
        "publications_in",
        "publications_out",
        "subscriptions",
        "unsubscribes",
    )

    def __init__(self) -> None:
        self.connections_opened = 0
        self.subscriptions = 0
        self.frames_in = 0
        self.commands_in = 0
        self.frames_out = 0
        self.messages_out = 0
        self.publications_in = 0
        self.publications_out = 0
        self.lost = 0
        self.malformed: Counter[str] = Counter()
        self.errors: Counter[int] = Counter()
        self.disconnects: Counter[int] = Counter()
        self.unsubscribes: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()

    def snapshot(self, *, connections: int, channels: int) -> CountersSnapshot:
        """A copy that does not change any more."""
        return CountersSnapshot(
            connections=connections,
            subscriptions=self.subscriptions,
            channels=channels,
            connections_opened=self.connections_opened,
            frames_in=self.frames_in,
            commands_in=self.commands_in,
            frames_out=self.frames_out,
            messages_out=self.messages_out,
            publications_in=self.publications_in,
            publications_out=self.publications_out,
            lost=self.lost,
            malformed=dict(self.malformed),
            errors=dict(self.errors),
            disconnects=dict(self.disconnects),
            unsubscribes=dict(self.unsubscribes),
            faults=dict(self.faults),
        )
