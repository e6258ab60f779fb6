"""One client's connection: its life from the handshake to the last word, commands in, messages out.

A session is fed with frames by its transport (`receive`, `transport_lost`) and with time by the node's wheel
(`check_deadlines`). Commands are started in the order in which they arrive. What follows a connect in flight waits
for it; later commands may be answered out of order (their ids tell), but commands of one channel never overtake a
subscribe or an unsubscribe of that channel, nor a publication another one. Subscribing lives in `subscribing`, the
other commands in `requests`.

There are tens of thousands of these: slots, no timer, no task, no closure for an idle one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from vola.core.ports import ClientIdentity, ConnectAttempt, Handshake, Principal, Refusal, Transport
from vola.errors import (
    DISCONNECT_BAD_REQUEST,
    DISCONNECT_CONNECTION_EXPIRED,
    DISCONNECT_CONNECTION_LIMIT,
    DISCONNECT_NO_PONG,
    DISCONNECT_SLOW,
    DISCONNECT_STALE,
    DISCONNECT_TOO_MANY_REQUESTS,
    Disconnect,
    ErrorReply,
    WireError,
)
from vola.protocol.codec import Codec
from vola.protocol.messages import Command, ConnectRequest, ConnectResult, Error, Reply

if TYPE_CHECKING:
    from vola.core.node import Node
    from vola.core.requests import Publishing
    from vola.core.subscribing import Subscription

__all__ = ["Session", "SessionState"]

type CommandHandler = Callable[[Session, Command], None]

# What a client may call itself, as the protocol bounds it.
CLIENT_NAME_MAX_LENGTH: Final = 16
CLIENT_VERSION_MAX_LENGTH: Final = 64


class SessionState(IntEnum):
    """Where a connection stands."""

    FRESH = 0  # nothing but connect may come
    AUTHENTICATING = 1  # commands wait
    CONNECTED = 2
    UNUSABLE = 3  # connect was answered with an error; anything more is 3501
    CLOSED = 4


class Session:
    """One connection. Also what applications see of the client (`ports.ClientView`)."""

    __slots__ = (
        "__weakref__",
        "_outbox",
        "_outbox_bytes",
        "_pong_awaited",
        "_waiting",
        "client_id",
        "codec",
        "conn_info",
        "deadline_s",
        "expires_at_ms",
        "handshake",
        "in_flight",
        "node",
        "publishing",
        "state",
        "subject",
        "subscriptions",
        "transport",
        "user_id",
        "wheel_slot",
    )

    def __init__(self, node: Node, *, transport: Transport, handshake: Handshake, codec: Codec) -> None:
        self.node = node
        self.transport = transport
        self.codec = codec
        self.handshake: Handshake | None = handshake
        self.state = SessionState.FRESH
        self.client_id = node.ids.client_id()
        self.user_id = ""
        self.conn_info: bytes | None = None
        self.subject: object = None
        self.expires_at_ms: int | None = None
        self.subscriptions: dict[str, Subscription] | None = None
        self.in_flight = 0
        self.publishing: dict[str, deque[Publishing]] | None = None
        self.wheel_slot = 0
        self.deadline_s = node.clock.monotonic_s() + node.limits.stale_close_delay_s
        self._outbox: list[bytes] | None = None
        self._outbox_bytes = 0
        self._pong_awaited = False
        self._waiting: list[Command] | None = None
        node.wheel.place(self, self.deadline_s)

    # What applications see ----------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether the client is connected and authenticated."""
        return self.state is SessionState.CONNECTED

    def subscription(self, channel: str) -> Subscription | None:
        """The subscription to `channel`, whatever its state."""
        return None if self.subscriptions is None else self.subscriptions.get(channel)

    def identity(self, chan_info: bytes | None = None) -> ClientIdentity:
        """Who this is, for publications and presence."""
        return ClientIdentity(self.user_id, self.client_id, self.conn_info, chan_info)

    # Frames in ----------------------------------------------------------------------------------------------------

    def receive(self, frame: bytes) -> None:
        """Take one frame from the client."""
        counters = self.node.counters
        counters.frames_in += 1
        try:
            for encoded in self.codec.split(frame):
                if self.state is SessionState.CLOSED:
                    return
                counters.commands_in += 1
                self._take(self.codec.decode(encoded))
        except WireError as error:
            self.reject(error)

    def reject(self, error: WireError) -> None:
        """The peer broke the protocol: count it and end the connection."""
        self.node.counters.malformed[error.code] += 1
        self.close(error.disconnect)

    def transport_lost(self) -> None:
        """The connection is gone; nothing can be sent any more. Harmless after `close`."""
        if self.state is not SessionState.CLOSED:
            self.node.counters.lost += 1
            self._end()

    def _take(self, command: Command) -> None:
        if self.state is SessionState.CONNECTED:
            self.dispatch(command)
        elif self.state is SessionState.FRESH and command.connect is not None and command.id > 0:
            self._connect(command.id, command.connect)
        elif self.state is SessionState.AUTHENTICATING and command.connect is None:
            self._wait(command)
        else:
            self.refuse_frame("connect_order")

    def _wait(self, command: Command) -> None:
        waiting = self._waiting
        if waiting is None:
            waiting = self._waiting = []
        if len(waiting) >= self.node.limits.pipelined_commands_max:
            self.close(DISCONNECT_TOO_MANY_REQUESTS)
            return
        waiting.append(command)

    def dispatch(self, command: Command) -> None:
        """Start one command of a connected client."""
        if command.id == 0 and command.send is None:
            self._take_pong()
            return
        for name, handler in self.node.handlers:
            if getattr(command, name) is not None:
                handler(self, command)
                return
        self.refuse_frame("no_request")

    def refuse_frame(self, reason: str) -> None:
        """A command that the protocol forbids here: count it and end the connection with 3501."""
        self.node.counters.malformed[reason] += 1
        self.close(DISCONNECT_BAD_REQUEST)

    # Connect ------------------------------------------------------------------------------------------------------

    def _connect(self, command_id: int, request: ConnectRequest) -> None:
        assert self.handshake is not None
        self.state = SessionState.AUTHENTICATING
        attempt = ConnectAttempt(
            client_id=self.client_id,
            token=request.token,
            data=bytes(request.data),
            name=request.name[:CLIENT_NAME_MAX_LENGTH],
            version=request.version[:CLIENT_VERSION_MAX_LENGTH],
            handshake=self.handshake,
        )
        self.node.authenticate(attempt, partial(self._authenticated, command_id))

    def _authenticated(self, command_id: int, answer: Principal | Refusal) -> None:
        if self.state is not SessionState.AUTHENTICATING:
            return  # closed meanwhile, or answered before
        waiting, self._waiting = self._waiting, None
        if isinstance(answer, Disconnect):
            self.close(answer)
        elif isinstance(answer, ErrorReply):
            # What was sent along with the connect could not know; it goes unanswered. What comes later is 3501.
            self.state = SessionState.UNUSABLE
            self.reply_error(command_id, answer)
        elif not self.node.admit_user(answer.user_id):
            self.close(DISCONNECT_CONNECTION_LIMIT)
        else:
            self._open(command_id, answer)
            for command in waiting or ():
                if not self.is_open:
                    return
                self.dispatch(command)

    def _open(self, command_id: int, principal: Principal) -> None:
        self.state = SessionState.CONNECTED
        self.handshake = None  # holds the request's headers: a kilobyte or two
        self.user_id = principal.user_id
        self.conn_info = principal.info
        self.subject = principal.subject
        self.expires_at_ms = principal.expires_at_ms
        self.node.hub.add_user(self)
        limits = self.node.limits
        result = ConnectResult(
            client=self.client_id, version=self.node.version, ping=max(1, round(limits.ping_interval_s)), pong=True
        )
        self.reply(Reply(id=command_id, connect=result))
        # The first ping comes at random in the second half of the interval, so that a restart does not align them all.
        delay_s = limits.ping_interval_s * (0.5 + 0.5 * self.node.ids.fraction())
        self.deadline_s = self.node.clock.monotonic_s() + delay_s
        self.node.wheel.place(self, self._next_deadline())

    # Time ---------------------------------------------------------------------------------------------------------

    def check_deadlines(self, now_s: float) -> float | None:
        """Act on what is due: stale, ping, pong, expiry, slow decisions."""
        assert self.state is not SessionState.CLOSED, "the end takes a session off the wheel"
        if self.state is not SessionState.CONNECTED:
            if now_s >= self.deadline_s:
                self.close(DISCONNECT_STALE)
                return None
            return self.deadline_s
        if self.expires_at_ms is not None and self.node.clock.wall_ms() >= self.expires_at_ms:
            self.close(DISCONNECT_CONNECTION_EXPIRED)
            return None
        if now_s >= self.deadline_s and not self._ping_or_give_up(now_s):
            return None
        for subscription in tuple(self.subscriptions.values()) if self.subscriptions else ():
            subscription.check_deadline(now_s)
        return self._next_deadline() if self.is_open else None

    def _ping_or_give_up(self, now_s: float) -> bool:
        if self._pong_awaited:
            self.close(DISCONNECT_NO_PONG)
            return False
        self._pong_awaited = True
        self.deadline_s = now_s + self.node.limits.pong_timeout_s
        self.send(self.codec.ping)
        return True

    def _take_pong(self) -> None:
        if not self._pong_awaited:
            self.refuse_frame("unasked_pong")
            return
        # From the pong's deadline to the next ping. The wheel comes at the old one and finds the new one then.
        self._pong_awaited = False
        limits = self.node.limits
        self.deadline_s += limits.ping_interval_s - limits.pong_timeout_s

    def _next_deadline(self) -> float:
        deadline_s = self.deadline_s
        if self.expires_at_ms is not None:
            left_s = (self.expires_at_ms - self.node.clock.wall_ms()) / 1000
            deadline_s = min(deadline_s, self.node.clock.monotonic_s() + max(0.0, left_s))
        for subscription in self.subscriptions.values() if self.subscriptions else ():
            if subscription.setup is not None:
                deadline_s = min(deadline_s, subscription.setup.deadline_s)
        return deadline_s

    # Messages out -------------------------------------------------------------------------------------------------

    def reply(self, reply: Reply) -> None:
        """Queue one reply or push."""
        self.send(self.codec.encode(reply))

    def reply_error(self, command_id: int, error: ErrorReply) -> None:
        """Queue an error reply."""
        self.node.counters.errors[error.code] += 1
        self.reply(Reply(id=command_id, error=Error(error.code, error.message, error.temporary)))

    def reply_refusal(self, command_id: int, refusal: Refusal) -> None:
        """Say no: with an error, or by ending the connection."""
        if isinstance(refusal, Disconnect):
            self.close(refusal)
        else:
            self.reply_error(command_id, refusal)

    def send(self, encoded: bytes) -> None:
        """Queue encoded messages. They leave together at the end of the loop's turn, as one frame."""
        if self.state is SessionState.CLOSED:
            return
        self._outbox_bytes += len(encoded)
        if self._outbox is None:
            self._outbox = [encoded]
            self.node.flush_later(self)
        else:
            self._outbox.append(encoded)
        if self._outbox_bytes > self.node.limits.queue_max_bytes:
            self.close(DISCONNECT_SLOW)

    def backlog_bytes(self) -> int:
        """Bytes on their way that the client has not taken."""
        return self._outbox_bytes + self.transport.buffered_bytes()

    def flush(self) -> None:
        """Hand what is queued to the transport, unless the client is too slow to take it."""
        outbox = self._outbox
        if outbox is None:
            return
        if self.backlog_bytes() > self.node.limits.queue_max_bytes:
            self.close(DISCONNECT_SLOW)
            return
        self._outbox = None
        self._outbox_bytes = 0
        self.node.counters.frames_out += 1
        self.node.counters.messages_out += len(outbox)
        self.transport.send(outbox[0] if len(outbox) == 1 else self.codec.join(outbox))

    # The end ------------------------------------------------------------------------------------------------------

    def close(self, disconnect: Disconnect) -> None:
        """End the connection and say why. What is queued goes first, unless the client is too slow for it."""
        if self.state is SessionState.CLOSED:
            return
        if disconnect is not DISCONNECT_SLOW:
            self.flush()
        if not self.node.is_registered(self):
            return  # the flush found it too slow
        self.node.counters.disconnects[disconnect.code] += 1
        self._end()
        self.transport.close(disconnect)

    def _end(self) -> None:
        was_open = self.is_open
        self.state = SessionState.CLOSED
        self._outbox = None
        self._waiting = None
        self.publishing = None
        self.handshake = None
        self.node.forget(self, was_open=was_open)
