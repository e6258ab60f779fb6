"""A node on a manual clock with scripted answers and recording transports: no socket, no loop, no real time."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vola.brokers.memory import MemoryBroker, MemoryPresence
from vola.core.limits import Limits
from vola.core.manual_clock import ManualClock
from vola.core.node import Node
from vola.core.ports import (
    Action,
    Allowed,
    Broker,
    BrokerFailure,
    ChannelRules,
    ClientView,
    ConnectAttempt,
    Denied,
    Handshake,
    HistoryPage,
    HistoryQuery,
    Principal,
    Refusal,
    RpcReply,
)
from vola.errors import Disconnect, UnrecoverablePosition

type Decide = Callable[[Allowed | Denied], None]
type Message = dict[str, Any]

STREAM = ChannelRules(name="stream")
HISTORY = ChannelRules(name="history", history_size=100, history_ttl_s=300.0)
RECOVERABLE = ChannelRules(name="recoverable", history_size=100, history_ttl_s=300.0, recoverable=True)


class CountingIds:
    """Ids in order, and no jitter."""

    def __init__(self) -> None:
        self.count = 0

    def client_id(self) -> str:
        self.count += 1
        return f"client-{self.count}"

    def epoch(self) -> str:
        self.count += 1
        return f"epoch{self.count:03}"

    def fraction(self) -> float:
        return 0.0


class Wire:
    """A transport that remembers."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.buffered = 0
        self.closed: Disconnect | None = None

    def send(self, frame: bytes) -> None:
        self.frames.append(frame)

    def buffered_bytes(self) -> int:
        return self.buffered

    def close(self, disconnect: Disconnect) -> None:
        self.closed = disconnect


class Doorman:
    """An authenticator: the token is the user. Holds its answers when told to."""

    def __init__(self) -> None:
        self.holds = False
        self.fails = False
        self.held: list[Callable[[Principal | Refusal], None]] = []
        self.attempts: list[ConnectAttempt] = []
        self.answer: Principal | Refusal | None = None

    def authenticate(self, request: ConnectAttempt, done: Callable[[Principal | Refusal], None]) -> None:
        self.attempts.append(request)
        if self.fails:
            raise LookupError("the authenticator's own fault")
        if self.holds:
            self.held.append(done)
        else:
            done(self.answer or Principal(request.token, info=b'{"name":\n"x"}', subject=("subject", request.token)))


class Directory:
    """Channels by name; every action is allowed unless scripted otherwise."""

    def __init__(self) -> None:
        self.rules: dict[str, ChannelRules] = {"news": STREAM, "chat": HISTORY, "orders": RECOVERABLE}
        self.answer: Allowed | Denied = Allowed()
        self.holds = False
        self.fails = False
        self.held: list[Decide] = []
        self.asked: list[tuple[Action, str, str, bytes]] = []

    def resolve(self, channel: str) -> ChannelRules | None:
        if channel == "broken":
            raise LookupError("the declaration's own fault")
        return self.rules.get(channel)

    def authorize(self, action: Action, client: ClientView, channel: str, data: bytes, done: Decide) -> None:
        self.asked.append((action, client.user_id, channel, data))
        if self.fails:
            raise LookupError("the permission's own fault")
        if self.holds:
            self.held.append(done)
        else:
            done(self.answer)


class Methods:
    """One method that echoes, one that keeps its caller waiting, one that fails."""

    def __init__(self) -> None:
        self.waiting: list[RpcReply] = []

    def call(self, client: ClientView, method: str, data: bytes, reply: RpcReply) -> None:
        assert client.is_open
        if method == "fail":
            raise LookupError("the method's own fault")
        if method == "wait":
            self.waiting.append(reply)
        else:
            reply.result(data)


class HeldBroker(MemoryBroker):
    """A broker whose answers about history and subscriptions can be held back, as those of a remote one are."""

    holds_history = False
    holds_subscribe = False

    def __init__(self, *, clock: ManualClock, ids: CountingIds) -> None:
        super().__init__(clock=clock, ids=ids)
        self.history_reads: list[Callable[[], None]] = []
        self.subscribes: list[tuple[str, Callable[[BrokerFailure | None], None]]] = []
        self.unsubscribed: list[str] = []

    def history(
        self,
        channel: str,
        query: HistoryQuery,
        done: Callable[[HistoryPage | UnrecoverablePosition | BrokerFailure], None],
    ) -> None:
        if not self.holds_history:
            super().history(channel, query, done)
            return
        pages: list[HistoryPage | UnrecoverablePosition | BrokerFailure] = []
        super().history(channel, query, pages.append)
        self.history_reads.append(lambda: done(pages[0]))

    def subscribe(self, channel: str, done: Callable[[BrokerFailure | None], None]) -> None:
        if self.holds_subscribe:
            super().subscribe(channel, lambda _: None)
            self.subscribes.append((channel, done))
        else:
            super().subscribe(channel, done)

    def unsubscribe(self, channel: str) -> None:
        self.unsubscribed.append(channel)
        super().unsubscribe(channel)


@dataclass
class Client:
    """One connection of the world."""

    world: "World"
    wire: Wire = field(default_factory=Wire)

    def __post_init__(self) -> None:
        handshake = Handshake(headers={"origin": "http://test"}, path="/connection/websocket")
        self.session = self.world.node.open_session(transport=self.wire, handshake=handshake)

    def send(self, *commands: Message) -> None:
        """Send commands in one frame and let the loop turn."""
        self.send_raw("\n".join(json.dumps(command) for command in commands).encode())

    def send_raw(self, frame: bytes) -> None:
        self.session.receive(frame)
        self.world.clock.settle()

    def received(self) -> list[Message]:
        """The messages since the last look."""
        frames, self.wire.frames = self.wire.frames, []
        return [json.loads(line) for frame in frames for line in frame.split(b"\n")]

    def ask(self, command: Message) -> list[Message]:
        """Send one command; everything that came back at once."""
        self.send(command)
        return self.received()

    def connect(self, token: str = "user") -> "Client":
        reply = self.ask({"id": 1, "connect": {"token": token}})
        assert "connect" in reply[0], reply
        return self

    @property
    def close_code(self) -> int | None:
        return None if self.wire.closed is None else self.wire.closed.code


class World:
    """The node and what surrounds it."""

    def __init__(self, *, limits: Limits | None = None, has_methods: bool = True) -> None:
        self.clock = ManualClock()
        self.ids = CountingIds()
        self.broker = HeldBroker(clock=self.clock, ids=self.ids)
        self.doorman = Doorman()
        self.directory = Directory()
        self.methods = Methods()
        broker: Broker = self.broker
        self.node = Node(
            clock=self.clock,
            scheduler=self.clock,
            ids=self.ids,
            broker=broker,
            presence=MemoryPresence(),
            authenticator=self.doorman,
            directory=self.directory,
            rpc=self.methods if has_methods else None,
            limits=limits,
            version="test",
        )

    def client(self) -> Client:
        """A connection that has not said anything yet."""
        return Client(self)

    def publish(self, channel: str, value: object, *, key: str = "", tags: Mapping[str, str] | None = None) -> None:
        """Publish from the server and let the loop turn."""
        self.node.publish(channel, json.dumps(value).encode(), key=key, tags=tags)
        self.clock.settle()
