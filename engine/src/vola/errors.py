# ruff: noqa: N818  (exceptions are named for what happened)
"""The error, disconnect and unsubscribe codes of the client protocol, and the engine's own exceptions.

Three code families reach a client: a reply's error (`ErrorReply`), the end of its connection (`Disconnect`) and the end
of one subscription (`Unsubscribe`). They are plain values: a port answers with one, a session writes it to the wire.
The codes and texts are those of the Centrifugo client protocol v2; clients react to the numbers, so they never change
meaning.

The exceptions:

    VolaError
    ├── WireError              the peer sent what the protocol forbids; carries the Disconnect that answers it
    │   ├── MalformedFrame     not decodable, empty, or no recognised request
    │   └── FrameTooLarge      over a size limit
    ├── PublishRefused         a publication that cannot be accepted; carries the ErrorReply that a client would get
    │   ├── UnknownChannel     no declared channel matches the name
    │   ├── PayloadNotJson     the payload is not one JSON value in UTF-8
    │   ├── ChannelHasOwnSource  the channel's content comes from its source; nothing can be published to it
    │   └── TooManyKeys        a `latest` channel holds as many keys as its limit allows
    ├── UnrecoverablePosition  a history position of another epoch
    ├── HandoverFull           other threads publish faster than the loop takes over
    └── ConfigurationError     a setting outside its legal range
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = [
    "CLOSE_INVALID_TEXT",
    "CLOSE_MESSAGE_TOO_BIG",
    "CLOSE_PROTOCOL_ERROR",
    "CLOSE_UNSUPPORTED_DATA",
    "DISCONNECTS",
    "DISCONNECT_BAD_REQUEST",
    "DISCONNECT_CHANNEL_LIMIT",
    "DISCONNECT_CONNECTION_CLOSED",
    "DISCONNECT_CONNECTION_EXPIRED",
    "DISCONNECT_CONNECTION_LIMIT",
    "DISCONNECT_FORCE_NO_RECONNECT",
    "DISCONNECT_FORCE_RECONNECT",
    "DISCONNECT_INAPPROPRIATE_PROTOCOL",
    "DISCONNECT_INSUFFICIENT_STATE",
    "DISCONNECT_INTERNAL_ERROR",
    "DISCONNECT_INVALID_TOKEN",
    "DISCONNECT_NOT_AVAILABLE",
    "DISCONNECT_NO_PONG",
    "DISCONNECT_PERMISSION_DENIED",
    "DISCONNECT_SHUTDOWN",
    "DISCONNECT_SLOW",
    "DISCONNECT_STALE",
    "DISCONNECT_STATE_INVALIDATED",
    "DISCONNECT_SUBSCRIPTION_EXPIRED",
    "DISCONNECT_TOO_MANY_ERRORS",
    "DISCONNECT_TOO_MANY_REQUESTS",
    "DISCONNECT_WRITE_ERROR",
    "ERRORS",
    "ERROR_ALREADY_SUBSCRIBED",
    "ERROR_BAD_REQUEST",
    "ERROR_CONCURRENT_PAGINATION",
    "ERROR_EXPIRED",
    "ERROR_INTERNAL",
    "ERROR_LIMIT_EXCEEDED",
    "ERROR_METHOD_NOT_FOUND",
    "ERROR_NOT_AVAILABLE",
    "ERROR_PERMISSION_DENIED",
    "ERROR_TOKEN_EXPIRED",
    "ERROR_TOO_MANY_REQUESTS",
    "ERROR_UNAUTHORIZED",
    "ERROR_UNKNOWN_CHANNEL",
    "ERROR_UNRECOVERABLE_POSITION",
    "UNSUBSCRIBES",
    "UNSUBSCRIBE_CLIENT",
    "UNSUBSCRIBE_DISCONNECT",
    "UNSUBSCRIBE_EXPIRED",
    "UNSUBSCRIBE_INSUFFICIENT_STATE",
    "UNSUBSCRIBE_SERVER",
    "UNSUBSCRIBE_STATE_INVALIDATED",
    "ChannelHasOwnSource",
    "ConfigurationError",
    "Disconnect",
    "ErrorReply",
    "FrameTooLarge",
    "HandoverFull",
    "MalformedFrame",
    "PayloadNotJson",
    "PublishRefused",
    "TooManyKeys",
    "UnknownChannel",
    "UnrecoverablePosition",
    "Unsubscribe",
    "VolaError",
    "WireError",
]


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """The error of one reply. Codes 100-399 belong to the protocol, 400-1999 to applications.

    `temporary` tells a client that the same command may succeed later.
    """

    code: int
    message: str
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Why the server ends a connection: WebSocket close code and reason (at most 123 bytes)."""

    code: int
    reason: str

    @property
    def reconnect(self) -> bool:
        """Whether clients come back by themselves: not for 3500-3999, 4500-4999 and 1009."""
        return not (3500 <= self.code < 4000 or 4500 <= self.code < 5000 or self.code == 1009)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Why one subscription ended. Below 2500 it stays ended, from 2500 the client subscribes again."""

    code: int
    reason: str

    @property
    def resubscribe(self) -> bool:
        """Whether clients subscribe again by themselves."""
        return self.code >= 2500


ERROR_INTERNAL = ErrorReply(100, "internal server error", temporary=True)
ERROR_UNAUTHORIZED = ErrorReply(101, "unauthorized")
ERROR_UNKNOWN_CHANNEL = ErrorReply(102, "unknown channel")
ERROR_PERMISSION_DENIED = ErrorReply(103, "permission denied")
ERROR_METHOD_NOT_FOUND = ErrorReply(104, "method not found")
ERROR_ALREADY_SUBSCRIBED = ErrorReply(105, "already subscribed")
ERROR_LIMIT_EXCEEDED = ErrorReply(106, "limit exceeded")
ERROR_BAD_REQUEST = ErrorReply(107, "bad request")
ERROR_NOT_AVAILABLE = ErrorReply(108, "not available")
ERROR_TOKEN_EXPIRED = ErrorReply(109, "token expired")
ERROR_EXPIRED = ErrorReply(110, "expired")
ERROR_TOO_MANY_REQUESTS = ErrorReply(111, "too many requests", temporary=True)
ERROR_UNRECOVERABLE_POSITION = ErrorReply(112, "unrecoverable position")
ERROR_CONCURRENT_PAGINATION = ErrorReply(113, "concurrent pagination", temporary=True)

DISCONNECT_CONNECTION_CLOSED = Disconnect(3000, "connection closed")
DISCONNECT_SHUTDOWN = Disconnect(3001, "shutdown")
DISCONNECT_INTERNAL_ERROR = Disconnect(3004, "internal server error")
DISCONNECT_CONNECTION_EXPIRED = Disconnect(3005, "connection expired")
DISCONNECT_SUBSCRIPTION_EXPIRED = Disconnect(3006, "subscription expired")
DISCONNECT_SLOW = Disconnect(3008, "slow")
DISCONNECT_WRITE_ERROR = Disconnect(3009, "write error")
DISCONNECT_INSUFFICIENT_STATE = Disconnect(3010, "insufficient state")
DISCONNECT_FORCE_RECONNECT = Disconnect(3011, "force reconnect")
DISCONNECT_NO_PONG = Disconnect(3012, "no pong")
DISCONNECT_TOO_MANY_REQUESTS = Disconnect(3013, "too many requests")
DISCONNECT_STATE_INVALIDATED = Disconnect(3014, "state invalidated")
DISCONNECT_INVALID_TOKEN = Disconnect(3500, "invalid token")
DISCONNECT_BAD_REQUEST = Disconnect(3501, "bad request")
DISCONNECT_STALE = Disconnect(3502, "stale")
DISCONNECT_FORCE_NO_RECONNECT = Disconnect(3503, "force disconnect")
DISCONNECT_CONNECTION_LIMIT = Disconnect(3504, "connection limit")
DISCONNECT_CHANNEL_LIMIT = Disconnect(3505, "channel limit")
DISCONNECT_INAPPROPRIATE_PROTOCOL = Disconnect(3506, "inappropriate protocol")
DISCONNECT_PERMISSION_DENIED = Disconnect(3507, "permission denied")
DISCONNECT_NOT_AVAILABLE = Disconnect(3508, "not available")
DISCONNECT_TOO_MANY_ERRORS = Disconnect(3509, "too many errors")

# Close codes of the WebSocket protocol itself (RFC 6455, section 7.4.1) that the engine sends.
CLOSE_PROTOCOL_ERROR = Disconnect(1002, "protocol error")
CLOSE_UNSUPPORTED_DATA = Disconnect(1003, "unsupported data")
CLOSE_INVALID_TEXT = Disconnect(1007, "invalid utf-8")
CLOSE_MESSAGE_TOO_BIG = Disconnect(1009, "message too big")

UNSUBSCRIBE_CLIENT = Unsubscribe(0, "client unsubscribed")
UNSUBSCRIBE_DISCONNECT = Unsubscribe(1, "client disconnected")
UNSUBSCRIBE_SERVER = Unsubscribe(2000, "server unsubscribe")
UNSUBSCRIBE_INSUFFICIENT_STATE = Unsubscribe(2500, "insufficient state")
UNSUBSCRIBE_EXPIRED = Unsubscribe(2501, "subscription expired")
UNSUBSCRIBE_STATE_INVALIDATED = Unsubscribe(2502, "state invalidated")


def _by_code[Coded: (ErrorReply, Disconnect, Unsubscribe)](values: Iterable[Coded]) -> Mapping[int, Coded]:
    table = {value.code: value for value in values}
    return MappingProxyType(table)


ERRORS: Mapping[int, ErrorReply] = _by_code(value for value in tuple(globals().values()) if type(value) is ErrorReply)
DISCONNECTS: Mapping[int, Disconnect] = _by_code(
    value for value in tuple(globals().values()) if type(value) is Disconnect and value.code >= 3000
)
UNSUBSCRIBES: Mapping[int, Unsubscribe] = _by_code(
    value for value in tuple(globals().values()) if type(value) is Unsubscribe
)


class VolaError(Exception):
    """Base of everything that the engine raises on purpose. `code` is stable; the text is for people."""

    code = "vola_error"


class WireError(VolaError):
    """The peer sent what the protocol forbids. `disconnect` is the answer to it."""

    code = "wire_error"

    def __init__(self, problem: str, *, disconnect: Disconnect = DISCONNECT_BAD_REQUEST) -> None:
        super().__init__(problem)
        self.problem = problem
        self.disconnect = disconnect


class MalformedFrame(WireError):
    """A frame that cannot be decoded, is empty, or holds no recognised request."""

    code = "malformed_frame"


class FrameTooLarge(WireError):
    """A frame or a command over its size limit in bytes."""

    code = "frame_too_large"

    def __init__(self, *, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"{size_bytes} bytes, the limit is {limit_bytes}", disconnect=CLOSE_MESSAGE_TOO_BIG)
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class PublishRefused(VolaError):
    """A publication that the engine cannot accept. `reply` is what a client gets for the same."""

    code = "publish_refused"
    reply = ERROR_BAD_REQUEST

    def __init__(self, channel: str, *, problem: str) -> None:
        super().__init__(f"channel {channel!r}: {problem}")
        self.channel = channel
        self.problem = problem


class UnknownChannel(PublishRefused):
    """No declared channel matches the name."""

    code = "unknown_channel"
    reply = ERROR_UNKNOWN_CHANNEL

    def __init__(self, channel: str) -> None:
        super().__init__(channel, problem="no declared channel matches this name")


class PayloadNotJson(PublishRefused):
    """The payload is not exactly one JSON value in UTF-8."""

    code = "payload_not_json"


class ChannelHasOwnSource(PublishRefused):
    """The channel's content comes from its own source."""

    code = "channel_has_own_source"
    reply = ERROR_NOT_AVAILABLE

    def __init__(self, channel: str) -> None:
        super().__init__(channel, problem="its content comes from its own source")


class TooManyKeys(PublishRefused):
    """A `latest` channel already holds as many keys as it may."""

    code = "too_many_keys"
    reply = ERROR_LIMIT_EXCEEDED

    def __init__(self, channel: str, *, limit: int) -> None:
        super().__init__(channel, problem=f"it already holds {limit} keys")
        self.limit = limit


class UnrecoverablePosition(VolaError):
    """A history position whose epoch is not the stream's."""

    code = "unrecoverable_position"

    def __init__(self, channel: str, *, epoch: str) -> None:
        super().__init__(f"channel {channel!r} has no epoch {epoch!r}")
        self.channel = channel
        self.epoch = epoch


class HandoverFull(VolaError):
    """Other threads hand over publications faster than the loop takes them."""

    code = "handover_full"

    def __init__(self, *, limit: int) -> None:
        super().__init__(f"{limit} publications are already waiting for the loop")
        self.limit = limit


class ConfigurationError(VolaError):
    """A setting outside its legal range."""

    code = "configuration_error"

    def __init__(self, name: str, *, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem
