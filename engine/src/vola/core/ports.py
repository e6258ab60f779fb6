"""The ports of the core: what it needs from the outside, as protocols, and the values that cross them.

Every answer that may take time is a callback (`done`), not a coroutine: an answer that is known at once costs no task,
and the core stays free of any event loop. All callbacks run on the loop's thread. A second answer is ignored by the
core.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Protocol

from vola.errors import Disconnect, ErrorReply, UnrecoverablePosition

__all__ = [
    "Action",
    "Allowed",
    "Authenticator",
    "Broker",
    "BrokerFailure",
    "BrokerSink",
    "ChannelDirectory",
    "ChannelRules",
    "ClientIdentity",
    "ClientView",
    "Clock",
    "ConnectAttempt",
    "Delivery",
    "Denied",
    "Handshake",
    "HistoryPage",
    "HistoryQuery",
    "IdSource",
    "LatestSource",
    "OpenSource",
    "Presence",
    "Principal",
    "PublishOptions",
    "Refusal",
    "RpcDirectory",
    "RpcReply",
    "Scheduler",
    "SourceFrames",
    "StoredPublication",
    "StreamTop",
    "TimerHandle",
    "Transport",
]


# Time, ids, sockets --------------------------------------------------------------------------------------------------


class Clock(Protocol):
    """Reads time."""

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        ...


class TimerHandle(Protocol):
    """A callback that waits for its time."""

    def cancel(self) -> None:
        """Forget the callback. Harmless afterwards and twice."""
        ...


class Scheduler(Protocol):
    """Runs callbacks later, on the loop's thread."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> TimerHandle:
        """Run `callback` once, `delay_s` seconds from now."""
        ...

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run `callback` once, after what runs now."""
        ...


class IdSource(Protocol):
    """The only source of randomness in the core."""

    def client_id(self) -> str:
        """A new connection's id: a UUID in text."""
        ...

    def epoch(self) -> str:
        """A new stream's epoch: 8 letters."""
        ...

    def fraction(self) -> float:
        """A number in [0, 1), to spread timers."""
        ...


class Transport(Protocol):
    """One client's outgoing half. Nothing here blocks or raises."""

    def send(self, frame: bytes) -> None:
        """Send one message; `frame` is its payload."""
        ...

    def buffered_bytes(self) -> int:
        """Bytes handed over that the peer has not taken yet."""
        ...

    def close(self, disconnect: Disconnect) -> None:
        """Tell the peer why and end the connection. `Session.transport_lost` follows."""
        ...


# Who connects --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Handshake:
    """What the HTTP request that opened the connection said. Header names are in lower case; `peer` is "host:port"."""

    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    path: str = ""
    query: str = ""
    peer: str = ""


@dataclass(frozen=True, slots=True)
class ConnectAttempt:
    """A connect command with its surroundings. `data` is raw JSON, b"" if there was none."""

    client_id: str
    token: str
    data: bytes
    name: str
    version: str
    handshake: Handshake


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated client.

    Attributes:
        user_id: "" for an anonymous client.
        info: raw JSON that others may see in presence, joins and publications.
        expires_at_ms: wall time at which the connection ends with 3005, or None.
        subject: opaque to the engine (a Django user, a device entry).
    """

    user_id: str
    info: bytes | None = None
    expires_at_ms: int | None = None
    subject: object = None


type Refusal = Disconnect | ErrorReply


class Authenticator(Protocol):
    """Says who a client is."""

    def authenticate(self, request: ConnectAttempt, done: Callable[[Principal | Refusal], None]) -> None:
        """Answer through `done`, once, now or later."""
        ...


class ClientView(Protocol):
    """What an application may know of a connected client."""

    @property
    def client_id(self) -> str: ...
    @property
    def user_id(self) -> str: ...
    @property
    def subject(self) -> object: ...
    @property
    def is_open(self) -> bool: ...


# Channels ------------------------------------------------------------------------------------------------------------


class Delivery(Enum):
    """How a channel's publications reach a subscriber."""

    STREAM = "stream"  # every publication, in order
    LATEST = "latest"  # the newest state; what a slow client missed is merged


class Action(Enum):
    """What a client asks to do with a channel."""

    SUBSCRIBE = "subscribe"
    PUBLISH = "publish"
    HISTORY = "history"
    PRESENCE = "presence"


@dataclass(frozen=True, slots=True)
class SourceFrames:
    """Payloads (raw JSON) that bring a subscriber to `version`."""

    version: int
    payloads: tuple[bytes, ...]


class LatestSource(Protocol):
    """The content of a `latest` channel, pulled when subscribers can take it."""

    def snapshot(self) -> SourceFrames:
        """The whole state, for a new subscriber."""
        ...

    def changes(self, since_version: int) -> SourceFrames | None:
        """What brings a subscriber at `since_version` up to date, perhaps a snapshot; None: it is up to date."""
        ...

    def close(self) -> None:
        """The last subscriber left."""
        ...


type OpenSource = Callable[[Callable[[], None]], LatestSource]


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """How one channel behaves. The directory may share one instance among many channels of a kind.

    Attributes:
        name: what the rules are called, for counters and logs.
        history_size: publications kept; 0 keeps none. Stream channels only.
        history_ttl_s: seconds that they are kept; 0 keeps none. For `latest` channels without an own source: how long
            the keyed state outlives its last publication while nobody is subscribed.
        positioned: tell subscribers when they may have missed something.
        recoverable: let subscribers catch up from a position. Includes `positioned`.
        rate_hz: `latest` channels: at most so many deliveries a second and subscription.
        open_source: `latest` channels with own content; called with `changed` on the first subscription.
    """

    name: str = ""
    delivery: Delivery = Delivery.STREAM
    history_size: int = 0
    history_ttl_s: float = 0.0
    positioned: bool = False
    recoverable: bool = False
    presence: bool = False
    join_leave: bool = False
    rate_hz: float = 2.0
    open_source: OpenSource | None = None

    @property
    def has_history(self) -> bool:
        """Whether a stream keeps publications."""
        return self.delivery is Delivery.STREAM and self.history_size > 0 and self.history_ttl_s > 0

    @property
    def tracks_position(self) -> bool:
        """Whether subscriptions know their place in the stream."""
        return self.has_history and (self.positioned or self.recoverable)

    @property
    def recovers(self) -> bool:
        """Whether subscribers may catch up."""
        return self.has_history and self.recoverable


@dataclass(frozen=True, slots=True)
class Allowed:
    """Yes. `info` is shown to others as this subscription's info, `data` answers the subscriber (both raw JSON)."""

    info: bytes | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """No, and how to say it."""

    refusal: Refusal


class ChannelDirectory(Protocol):
    """Knows the declared channels and who may do what."""

    def resolve(self, channel: str) -> ChannelRules | None:
        """The rules of a channel, None if no declaration matches. Fast: called for every command."""
        ...

    def authorize(
        self, action: Action, client: ClientView, channel: str, data: bytes, done: Callable[[Allowed | Denied], None]
    ) -> None:
        """Answer through `done`, once, now or later. `data` is raw JSON, b"" if none."""
        ...


# Calls ---------------------------------------------------------------------------------------------------------------


class RpcReply(Protocol):
    """The way back for one call. The first answer counts; late and double answers are harmless."""

    def result(self, data: bytes) -> None:
        """Answer with raw JSON; b"" for none."""
        ...

    def error(self, error: ErrorReply) -> None:
        """Answer with an error."""
        ...


class RpcDirectory(Protocol):
    """The application's methods. A node without one answers 108."""

    def call(self, client: ClientView, method: str, data: bytes, reply: RpcReply) -> None:
        """Run a method, or answer 104. `data` is raw JSON, b"" if none."""
        ...


# Broker and presence -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """Who did something, as stored beside publications and presence. The infos are raw JSON."""

    user_id: str
    client_id: str
    conn_info: bytes | None = None
    chan_info: bytes | None = None


@dataclass(frozen=True, slots=True)
class StreamTop:
    """Where a stream stands: `offset` of its last publication (0: none yet) and its `epoch`."""

    offset: int
    epoch: str


@dataclass(frozen=True, slots=True)
class StoredPublication:
    """A publication as brokers keep and carry it. `offset` 0 and `epoch` "" where the channel keeps no history."""

    data: bytes
    offset: int = 0
    epoch: str = ""
    info: ClientIdentity | None = None
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """How to publish. Without history (size or ttl 0) the publication gets no offset.

    `idempotency_key`: a repeated key within five minutes answers with the first publication's place and sends nothing.
    """

    history_size: int = 0
    history_ttl_s: float = 0.0
    info: ClientIdentity | None = None
    tags: Mapping[str, str] | None = None
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """What to read.

    Attributes:
        limit: publications at most; 0: only the top; negative: everything kept.
        since: exclusive; None: from the end that the direction starts at. Its epoch "" matches any.
        reverse: newest first.
    """

    limit: int = 0
    since: StreamTop | None = None
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """What was read, in the order asked for."""

    publications: tuple[StoredPublication, ...]
    top: StreamTop


@dataclass(frozen=True, slots=True)
class BrokerFailure:
    """The broker could not do it (its connection is down, it timed out)."""

    problem: str


class BrokerSink(Protocol):
    """Where a broker delivers; the node implements it."""

    def deliver(self, channel: str, publication: StoredPublication) -> None:
        """A live publication of a channel that this node is subscribed to, in the stream's order."""
        ...

    def deliver_join(self, channel: str, info: ClientIdentity) -> None:
        """Somebody subscribed, here or on another node."""
        ...

    def deliver_leave(self, channel: str, info: ClientIdentity) -> None:
        """Somebody left, here or on another node."""
        ...


class Broker(Protocol):
    """Streams and their delivery between nodes."""

    def start(self, sink: BrokerSink) -> None:
        """Deliver to `sink` from now on."""
        ...

    def subscribe(self, channel: str, done: Callable[[BrokerFailure | None], None]) -> None:
        """This node has subscribers of `channel` now. After done(None) no publication is missed."""
        ...

    def unsubscribe(self, channel: str) -> None:
        """This node's last subscriber of `channel` left."""
        ...

    def publish(
        self, channel: str, data: bytes, options: PublishOptions, done: Callable[[StreamTop | BrokerFailure], None]
    ) -> None:
        """Append and deliver. done(place of the publication): offset 0 without history."""
        ...

    def publish_join(self, channel: str, info: ClientIdentity) -> None:
        """Tell all nodes that somebody subscribed."""
        ...

    def publish_leave(self, channel: str, info: ClientIdentity) -> None:
        """Tell all nodes that somebody left."""
        ...

    def history(
        self,
        channel: str,
        query: HistoryQuery,
        done: Callable[[HistoryPage | UnrecoverablePosition | BrokerFailure], None],
    ) -> None:
        """Read a stream; creates its epoch if there is none. UnrecoverablePosition: `since` has another epoch."""
        ...

    def remove_history(self, channel: str, done: Callable[[BrokerFailure | None], None]) -> None:
        """Empty the stream; its epoch and top stay."""
        ...


class Presence(Protocol):
    """Who is subscribed to what."""

    def add(self, channel: str, info: ClientIdentity) -> None:
        """Enter a client, or renew its entry."""
        ...

    def remove(self, channel: str, client_id: str) -> None:
        """Take a client out. Harmless if it is not in."""
        ...

    def read(self, channel: str, done: Callable[[Mapping[str, ClientIdentity] | BrokerFailure], None]) -> None:
        """client id -> who it is."""
        ...

    def count(self, channel: str, done: Callable[[tuple[int, int] | BrokerFailure], None]) -> None:
        """(clients, distinct users)."""
        ...
