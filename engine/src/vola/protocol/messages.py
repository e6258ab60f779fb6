"""The messages of the client protocol v2 as typed structs.

Field names are those of the JSON form. Requests ignore unknown fields, because newer clients send some unasked. Replies
omit fields that are zero, as Protocol Buffers would, except those marked "always emitted". `Raw` fields hold one JSON
value as it stands on the wire: payloads are embedded, never decoded and encoded again.

What is left out: map and shared-poll subscriptions, dictionary compression, channel compaction (their request fields
are ignored). Source: centrifugal/protocol, client.proto (MIT).
"""

from typing import Annotated

from msgspec import Meta, Raw, Struct, field

__all__ = [
    "EMPTY_RAW",
    "ClientInfo",
    "Command",
    "ConnectRequest",
    "ConnectResult",
    "Empty",
    "Error",
    "HistoryRequest",
    "HistoryResult",
    "Join",
    "Leave",
    "PresenceRequest",
    "PresenceResult",
    "PresenceStatsRequest",
    "PresenceStatsResult",
    "Publication",
    "PublishRequest",
    "Push",
    "RefreshRequest",
    "Reply",
    "RpcRequest",
    "RpcResult",
    "SendRequest",
    "StreamPosition",
    "SubRefreshRequest",
    "SubscribeRequest",
    "SubscribeResult",
    "UnsubscribePush",
    "UnsubscribeRequest",
]

type Uint32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
type Offset = Annotated[int, Meta(ge=0)]

# The default of every raw field. Encoders leave out a field that *is* its default: use this one object everywhere.
EMPTY_RAW = Raw()


# Requests ------------------------------------------------------------------------------------------------------------


class SubscribeRequest(Struct):
    """Ask for a channel's publications, from now or from a position on."""

    channel: str = ""
    token: str = ""
    recover: bool = False
    epoch: str = ""
    offset: Offset = 0
    data: Raw = EMPTY_RAW
    positioned: bool = False
    recoverable: bool = False
    join_leave: bool = False
    delta: str = ""
    tf: Raw = EMPTY_RAW
    flag: int = 0
    type: int = 0


class ConnectRequest(Struct):
    """The first command of every connection."""

    token: str = ""
    data: Raw = EMPTY_RAW
    subs: dict[str, SubscribeRequest] = field(default_factory=dict)
    name: str = ""
    version: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class UnsubscribeRequest(Struct):
    """End one subscription."""

    channel: str = ""


class PublishRequest(Struct):
    """Publish from a client."""

    channel: str = ""
    data: Raw = EMPTY_RAW
    key: str = ""


class PresenceRequest(Struct):
    """Ask who is subscribed."""

    channel: str = ""


class PresenceStatsRequest(Struct):
    """Ask how many are subscribed."""

    channel: str = ""


class StreamPosition(Struct):
    """A place in a stream: `offset` of the last publication seen, `epoch` of the stream it belongs to."""

    offset: Offset = 0
    epoch: str = ""


class HistoryRequest(Struct):
    """Read a stream. `limit` 0: only its top position; negative: all that the server's limit allows."""

    channel: str = ""
    limit: int = 0
    since: StreamPosition | None = None
    reverse: bool = False


class SendRequest(Struct):
    """A message that gets no reply."""

    data: Raw = EMPTY_RAW


class RpcRequest(Struct):
    """Call a method of the application."""

    data: Raw = EMPTY_RAW
    method: str = ""


class RefreshRequest(Struct):
    """A fresh connection token."""

    token: str = ""


class SubRefreshRequest(Struct):
    """A fresh subscription token."""

    channel: str = ""
    token: str = ""


class Empty(Struct):
    """A request or a result without fields."""


class Command(Struct):
    """One command: an id and exactly one request. The server takes the first that is set, in the order below.

    All unset and `id` 0 is the answer to a server's ping.
    """

    id: Uint32 = 0
    connect: ConnectRequest | None = None
    subscribe: SubscribeRequest | None = None
    unsubscribe: UnsubscribeRequest | None = None
    publish: PublishRequest | None = None
    presence: PresenceRequest | None = None
    presence_stats: PresenceStatsRequest | None = None
    history: HistoryRequest | None = None
    ping: Empty | None = None
    send: SendRequest | None = None
    rpc: RpcRequest | None = None
    refresh: RefreshRequest | None = None
    sub_refresh: SubRefreshRequest | None = None


# Replies and pushes --------------------------------------------------------------------------------------------------


class ClientInfo(Struct, omit_defaults=True):
    """Who a client is, as others may see it. `user` and `client` are always emitted."""

    user: str
    client: str
    conn_info: Raw = EMPTY_RAW
    chan_info: Raw = EMPTY_RAW


class Publication(Struct, omit_defaults=True):
    """One message of a channel. `epoch` travels with the first publication of a stream only."""

    data: Raw = EMPTY_RAW
    info: ClientInfo | None = None
    offset: int = 0
    tags: dict[str, str] | None = None
    key: str = ""
    epoch: str = ""


class Error(Struct, omit_defaults=True):
    """The error of a reply. See `vola.errors.ERRORS`."""

    code: int
    message: str
    temporary: bool = False


class ConnectResult(Struct, omit_defaults=True):
    """The answer to connect. `ping` and `ttl` in seconds; `subs` holds the server-side subscriptions."""

    client: str = ""
    version: str = ""
    expires: bool = False
    ttl: int = 0
    data: Raw = EMPTY_RAW
    subs: "dict[str, SubscribeResult] | None" = None
    ping: int = 0
    pong: bool = False
    session: str = ""
    node: str = ""
    time: int = 0


class SubscribeResult(Struct, omit_defaults=True):
    """The answer to subscribe: where the stream stands and what was recovered."""

    expires: bool = False
    ttl: int = 0
    recoverable: bool = False
    epoch: str = ""
    publications: list[Publication] | None = None
    recovered: bool = False
    offset: int = 0
    positioned: bool = False
    data: Raw = EMPTY_RAW
    was_recovering: bool = False
    delta: bool = False
    id: int = 0


class PresenceResult(Struct):
    """Client id -> who it is. `presence` is always emitted."""

    presence: dict[str, ClientInfo]


class PresenceStatsResult(Struct):
    """Both counts are always emitted."""

    num_clients: int
    num_users: int


class HistoryResult(Struct):
    """All fields are always emitted."""

    publications: list[Publication]
    epoch: str
    offset: int


class RpcResult(Struct, omit_defaults=True):
    """What the method answered."""

    data: Raw = EMPTY_RAW


class Join(Struct):
    """Somebody subscribed."""

    info: ClientInfo


class Leave(Struct):
    """Somebody unsubscribed or went away."""

    info: ClientInfo


class UnsubscribePush(Struct, omit_defaults=True):
    """The server ended a subscription. See `vola.errors.UNSUBSCRIBES`."""

    code: int = 0
    reason: str = ""


class Push(Struct, omit_defaults=True):
    """What the server sends unasked about one channel."""

    channel: str = ""
    pub: Publication | None = None
    join: Join | None = None
    leave: Leave | None = None
    unsubscribe: UnsubscribePush | None = None


class Reply(Struct, omit_defaults=True):
    """One answer (`id` > 0) or one push. All unset is the server's ping."""

    id: int = 0
    error: Error | None = None
    push: Push | None = None
    connect: ConnectResult | None = None
    subscribe: SubscribeResult | None = None
    unsubscribe: Empty | None = None
    publish: Empty | None = None
    presence: PresenceResult | None = None
    presence_stats: PresenceStatsResult | None = None
    history: HistoryResult | None = None
    ping: Empty | None = None
    rpc: RpcResult | None = None
