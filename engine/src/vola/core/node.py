"""A node: everything of the core in one place, wired to its ports.

One node serves all connections of a process. It is used from the loop's thread only; `vola.server` has a hand-over for
other threads.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from vola.core.counters import Counters, CountersSnapshot
from vola.core.hub import Hub, StreamChannel
from vola.core.latest import LatestChannels
from vola.core.limits import Limits
from vola.core.ports import (
    Action,
    Allowed,
    Authenticator,
    Broker,
    BrokerFailure,
    ChannelDirectory,
    ChannelRules,
    ClientIdentity,
    Clock,
    ConnectAttempt,
    Delivery,
    Denied,
    Handshake,
    HistoryPage,
    HistoryQuery,
    IdSource,
    Presence,
    Principal,
    PublishOptions,
    Refusal,
    RpcDirectory,
    Scheduler,
    StoredPublication,
    StreamTop,
    Transport,
)
from vola.core.publications import to_client_info
from vola.core.requests import (
    RpcExchange,
    handle_history,
    handle_presence,
    handle_presence_stats,
    handle_publish,
    handle_rpc,
    handle_send,
    handle_unavailable,
)
from vola.core.session import CommandHandler, Session
from vola.core.subscribing import Subscription, handle_subscribe, handle_unsubscribe
from vola.core.wheel import Wheel
from vola.errors import (
    DISCONNECT_SHUTDOWN,
    ERROR_INTERNAL,
    UNSUBSCRIBE_INSUFFICIENT_STATE,
    UNSUBSCRIBE_SERVER,
    Disconnect,
    PayloadNotJson,
    UnknownChannel,
    UnrecoverablePosition,
    Unsubscribe,
)
from vola.protocol.codec import Codec
from vola.protocol.json_codec import JsonCodec
from vola.protocol.messages import Join, Leave, Push
from vola.protocol.payload import is_json

__all__ = ["Node"]

_logger = logging.getLogger("vola.node")

# In the order in which a server takes the first request that is set.
_HANDLERS: Final[tuple[tuple[str, CommandHandler], ...]] = (
    ("connect", lambda session, _: session.refuse_frame("second_connect")),
    ("subscribe", handle_subscribe),
    ("unsubscribe", handle_unsubscribe),
    ("publish", handle_publish),
    ("presence", handle_presence),
    ("presence_stats", handle_presence_stats),
    ("history", handle_history),
    ("ping", handle_unavailable),
    ("send", handle_send),
    ("rpc", handle_rpc),
    ("refresh", handle_unavailable),
    ("sub_refresh", handle_unavailable),
)

# How many channels a position check looks at before it lets the loop do something else.
POSITION_CHECK_SLICE: Final = 256


def _ignore(_: object) -> None:
    """The answer to who does not ask."""


class Node:
    """The engine's core, composed. Implements `ports.BrokerSink`.

    Args:
        rpc: the application's methods; None: there are none, calls get 108.
        version: what connect replies say the server is.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        scheduler: Scheduler,
        ids: IdSource,
        broker: Broker,
        presence: Presence,
        authenticator: Authenticator,
        directory: ChannelDirectory,
        rpc: RpcDirectory | None = None,
        limits: Limits | None = None,
        version: str = "vola",
    ) -> None:
        self.clock = clock
        self.scheduler = scheduler
        self.ids = ids
        self.broker = broker
        self.presence = presence
        self.rpc = rpc
        self.limits = limits or Limits()
        self.version = version
        self.handlers = _HANDLERS
        self.counters = Counters()
        self.json_codec: Codec = JsonCodec(frame_max_bytes=self.limits.frame_max_bytes)
        self.hub = Hub(broker=broker)
        self.latest = LatestChannels(clock=clock, scheduler=scheduler, limits=self.limits, counters=self.counters)
        self.wheel = Wheel(clock=clock, scheduler=scheduler, tick_s=self.limits.timer_tick_s, on_tick=self._tick)
        self._authenticator = authenticator
        self._directory = directory
        self._sessions: set[Session] = set()
        self._unflushed: list[Session] = []
        self._checked_at_s = clock.monotonic_s()
        self._is_shutting_down = False
        broker.start(self)

    # Connections --------------------------------------------------------------------------------------------------

    @property
    def connection_count(self) -> int:
        """Open connections, authenticated or not."""
        return len(self._sessions)

    def open_session(self, *, transport: Transport, handshake: Handshake, codec: Codec | None = None) -> Session:
        """A new connection. Feed it with `Session.receive` and `Session.transport_lost`."""
        session = Session(self, transport=transport, handshake=handshake, codec=codec or self.json_codec)
        self._sessions.add(session)
        self.counters.connections_opened += 1
        return session

    def is_registered(self, session: Session) -> bool:
        """Whether the session has not ended yet."""
        return session in self._sessions

    def forget(self, session: Session, *, was_open: bool) -> None:
        """For the session itself: it has ended."""
        self.wheel.remove(session)
        self._sessions.discard(session)
        if was_open:
            self.hub.remove_user(session)
        for subscription in tuple(session.subscriptions.values()) if session.subscriptions else ():
            subscription.end()

    def admit_user(self, user_id: str) -> bool:
        """Whether the user may have one connection more."""
        limit = self.limits.user_connections_max
        return limit == 0 or not user_id or len(tuple(self.hub.sessions_of(user_id))) < limit

    def sessions(self) -> tuple[Session, ...]:
        """The open connections, as a copy."""
        return tuple(self._sessions)

    def disconnect_user(self, user_id: str, *, disconnect: Disconnect) -> int:
        """End all connections of a user on this node. Returns how many."""
        sessions = tuple(self.hub.sessions_of(user_id))
        for session in sessions:
            session.close(disconnect)
        return len(sessions)

    def unsubscribe_user(self, user_id: str, *, channel: str, reason: Unsubscribe = UNSUBSCRIBE_SERVER) -> int:
        """End a user's subscriptions to a channel on this node. Returns how many."""
        found = [session.subscription(channel) for session in self.hub.sessions_of(user_id)]
        subscriptions = [subscription for subscription in found if subscription is not None]
        for subscription in subscriptions:
            subscription.unsubscribe(reason)
        return len(subscriptions)

    def close_all(self, disconnect: Disconnect = DISCONNECT_SHUTDOWN, *, count_max: int | None = None) -> int:
        """End connections, at most `count_max` in this call. Returns how many are left."""
        self._is_shutting_down |= disconnect is DISCONNECT_SHUTDOWN
        sessions = self.sessions()
        for session in sessions if count_max is None else sessions[:count_max]:
            session.close(disconnect)
        return len(self._sessions)

    # Writing ------------------------------------------------------------------------------------------------------

    def flush_later(self, session: Session) -> None:
        """Write what the session has queued at the end of this turn of the loop: one write for each session."""
        if not self._unflushed:
            self.scheduler.call_soon(self._flush)
        self._unflushed.append(session)

    def _flush(self) -> None:
        unflushed, self._unflushed = self._unflushed, []
        for session in unflushed:
            session.flush()

    # Publishing ---------------------------------------------------------------------------------------------------

    def publish(
        self,
        channel: str,
        data: bytes,
        *,
        key: str = "",
        tags: Mapping[str, str] | None = None,
        idempotency_key: str = "",
        info: ClientIdentity | None = None,
        done: Callable[[StreamTop | BrokerFailure], None] = _ignore,
    ) -> None:
        """Publish raw JSON to a channel, without asking for permission.

        Args:
            key: `latest` channels: whose last payload this replaces.
            done: gets the publication's place; offset 0 where there is no history.

        Raises:
            UnknownChannel, PayloadNotJson, ChannelHasOwnSource, TooManyKeys: see `vola.errors`.
        """
        rules = self.resolve(channel)
        if rules is None:
            raise UnknownChannel(channel)
        if not is_json(data):
            raise PayloadNotJson(channel, problem="the payload is not one JSON value in UTF-8")
        if rules.delivery is Delivery.LATEST:
            self.latest.publish(channel, data, key=key, rules=rules)
            self.counters.publications_in += 1
            done(StreamTop(0, ""))
            return
        self.counters.publications_in += 1
        size, ttl_s = (rules.history_size, rules.history_ttl_s) if rules.has_history else (0, 0.0)
        options = PublishOptions(size, ttl_s, info, tags, idempotency_key)
        self.broker.publish(channel, data, options, done)

    def deliver(self, channel: str, publication: StoredPublication) -> None:
        """From the broker: a live publication."""
        self.hub.deliver(channel, publication)

    def deliver_join(self, channel: str, info: ClientIdentity) -> None:
        """From the broker: somebody subscribed."""
        self.hub.deliver_push(channel, Push(channel=channel, join=Join(to_client_info(info))))

    def deliver_leave(self, channel: str, info: ClientIdentity) -> None:
        """From the broker: somebody left."""
        if self._is_shutting_down:
            return  # all go: telling each of them of each other would be quadratic
        self.hub.deliver_push(channel, Push(channel=channel, leave=Leave(to_client_info(info))))

    def entered(self, subscription: Subscription) -> None:
        """For a subscription: it became live."""
        rules, channel = subscription.rules, subscription.channel
        if rules.presence or rules.join_leave:
            identity = subscription.session.identity(subscription.chan_info)
            if rules.presence:
                self.presence.add(channel, identity)
            if rules.join_leave:
                self.broker.publish_join(channel, identity)

    def left(self, subscription: Subscription) -> None:
        """For a subscription: it was live and ended."""
        rules, channel = subscription.rules, subscription.channel
        if rules.presence:
            self.presence.remove(channel, subscription.session.client_id)
        if rules.join_leave:
            self.broker.publish_leave(channel, subscription.session.identity(subscription.chan_info))

    # The application ----------------------------------------------------------------------------------------------

    def is_channel_name(self, name: str) -> bool:
        """Whether a channel may be called so."""
        return len(name) <= self.limits.channel_name_max_length and name.isascii()

    def resolve(self, channel: str) -> ChannelRules | None:
        """The rules of a channel; None if it cannot exist, is not declared or its declaration fails."""
        if not self.is_channel_name(channel):
            return None  # nor may it fill what a directory remembers
        try:
            return self._directory.resolve(channel)
        except Exception:
            _logger.exception("Application code failed: resolve.")
            self.counters.faults["resolve"] += 1
            return None

    def authenticate(self, attempt: ConnectAttempt, done: Callable[[Principal | Refusal], None]) -> None:
        """Ask who a client is. An authenticator that fails is an internal error."""
        try:
            self._authenticator.authenticate(attempt, done)
        except Exception:
            _logger.exception("Application code failed: authenticate.")
            self.counters.faults["authenticate"] += 1
            done(ERROR_INTERNAL)

    def authorize(
        self, action: Action, session: Session, channel: str, data: bytes, done: Callable[[Allowed | Denied], None]
    ) -> None:
        """Ask whether a client may. A directory that fails is an internal error, never a yes."""
        try:
            self._directory.authorize(action, session, channel, data, done)
        except Exception:
            _logger.exception("Application code failed: authorize.")
            self.counters.faults["authorize"] += 1
            done(Denied(ERROR_INTERNAL))

    def call(self, session: Session, method: str, data: bytes, reply: RpcExchange) -> None:
        """Call a method. One that fails is an internal error."""
        assert self.rpc is not None
        try:
            self.rpc.call(session, method, data, reply)
        except Exception:
            _logger.exception("Application code failed: rpc.")
            self.counters.faults["rpc"] += 1
            reply.error(ERROR_INTERNAL)

    # Housekeeping -------------------------------------------------------------------------------------------------

    def snapshot(self) -> CountersSnapshot:
        """What has been counted so far."""
        channels = self.hub.stream_count + self.latest.channel_count
        return self.counters.snapshot(connections=len(self._sessions), channels=channels)

    def _tick(self, now_s: float) -> None:
        if now_s - self._checked_at_s >= self.limits.position_check_interval_s:
            self._checked_at_s = now_s
            self.latest.sweep(now_s)
            self._check_positions(self.hub.streams())

    def _check_positions(self, streams: list[StreamChannel]) -> None:
        """Compare positioned subscribers with the broker's top, a slice of the channels in each turn of the loop."""
        for stream in streams[:POSITION_CHECK_SLICE]:
            standing = {
                subscription: subscription.offset
                for subscription in stream.subscribers
                if subscription.rules.tracks_position and subscription.setup is None
            }
            if standing:
                self.broker.history(stream.name, HistoryQuery(), partial(self._compare_positions, standing))
        rest = streams[POSITION_CHECK_SLICE:]
        if rest:
            self.scheduler.call_soon(partial(self._check_positions, rest))

    def _compare_positions(
        self, standing: dict[Subscription, int], page: HistoryPage | UnrecoverablePosition | BrokerFailure
    ) -> None:
        if not isinstance(page, HistoryPage):
            return
        for subscription, offset in standing.items():
            # One that moved since the question is alive; what it may have missed before shows as a gap.
            is_behind = subscription.offset == offset and offset != page.top.offset
            if is_behind or subscription.epoch != page.top.epoch:
                subscription.unsubscribe(UNSUBSCRIBE_INSUFFICIENT_STATE)
