"""The commands beside connect and subscribe: publish, history, presence, rpc, send and what is not offered.

Each command that may take time is an `Exchange`: it counts as in flight until it is answered, exactly once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from vola.core.ports import (
    Action,
    Allowed,
    BrokerFailure,
    ChannelRules,
    ClientIdentity,
    Delivery,
    Denied,
    HistoryPage,
    HistoryQuery,
    Refusal,
    StreamTop,
)
from vola.core.publications import to_client_info, to_publication
from vola.errors import (
    DISCONNECT_NOT_AVAILABLE,
    ERROR_BAD_REQUEST,
    ERROR_INTERNAL,
    ERROR_NOT_AVAILABLE,
    ERROR_TOO_MANY_REQUESTS,
    ERROR_UNKNOWN_CHANNEL,
    ERROR_UNRECOVERABLE_POSITION,
    ErrorReply,
    PublishRefused,
    UnrecoverablePosition,
)
from vola.protocol.messages import (
    Command,
    Empty,
    HistoryRequest,
    HistoryResult,
    PresenceResult,
    PresenceStatsResult,
    PublishRequest,
    Reply,
    RpcResult,
)
from vola.protocol.payload import embed, is_json

if TYPE_CHECKING:
    from vola.core.session import Session

__all__ = [
    "Exchange",
    "Publishing",
    "RpcExchange",
    "handle_history",
    "handle_presence",
    "handle_presence_stats",
    "handle_publish",
    "handle_rpc",
    "handle_send",
    "handle_unavailable",
]


class Exchange:
    """One command being worked on."""

    __slots__ = ("_answered", "command_id", "session")

    def __init__(self, session: Session, command_id: int) -> None:
        self.session = session
        self.command_id = command_id
        self._answered = False
        session.in_flight += 1

    def close(self) -> bool:
        """Whether this is the first answer, and the client still there to get it."""
        if self._answered:
            return False
        self._answered = True
        self.session.in_flight -= 1
        return self.session.is_open

    def refuse(self, refusal: Refusal) -> None:
        """Answer with an error, or end the connection."""
        if self.close():
            self.session.reply_refusal(self.command_id, refusal)


class RpcExchange(Exchange):
    """A call. Implements `ports.RpcReply`."""

    __slots__ = ()

    def result(self, data: bytes) -> None:
        """Answer with raw JSON; b"" for none."""
        if data and not is_json(data):
            self.session.node.counters.faults["rpc_result"] += 1
            self.refuse(ERROR_INTERNAL)
        elif self.close():
            self.session.reply(Reply(id=self.command_id, rpc=RpcResult(embed(data))))

    def error(self, error: ErrorReply) -> None:
        """Answer with an error."""
        self.refuse(error)


class ChannelExchange(Exchange, ABC):
    """A command about a channel: authorised first, then carried out by `_allowed`."""

    __slots__ = ("_asked", "channel", "rules")

    def __init__(self, session: Session, command_id: int, *, channel: str, rules: ChannelRules) -> None:
        super().__init__(session, command_id)
        self.channel = channel
        self.rules = rules
        self._asked = False

    def ask(self, action: Action, data: bytes = b"") -> None:
        """Have the command authorised, after a subscribe of the channel that is still in flight."""
        subscription = self.session.subscription(self.channel)
        if subscription is not None and subscription.defer(partial(self.ask, action, data)):
            return
        self._asked = True
        self.session.node.authorize(action, self.session, self.channel, data, self._decided)

    def _decided(self, answer: Allowed | Denied) -> None:
        if not self._asked:
            return
        self._asked = False
        self._settle(answer)

    def _settle(self, answer: Allowed | Denied) -> None:
        if isinstance(answer, Denied):
            self.refuse(answer.refusal)
        elif self.session.is_open:
            self._allowed()
        else:
            self.close()

    @abstractmethod
    def _allowed(self) -> None:
        """Carry the command out."""


class Publishing(ChannelExchange):
    """A publication. Those of one client to one channel keep their order, however late each is allowed."""

    __slots__ = ("answer", "request")
    request: PublishRequest

    def __init__(self, session: Session, command_id: int, *, channel: str, rules: ChannelRules) -> None:
        super().__init__(session, command_id, channel=channel, rules=rules)
        self.answer: Allowed | Denied | None = None

    def enter(self, request: PublishRequest) -> None:
        """Line up behind the publications to this channel that are not allowed yet, and ask."""
        self.request = request
        if self.session.publishing is None:
            self.session.publishing = {}
        self.session.publishing.setdefault(self.channel, deque()).append(self)
        self.ask(Action.PUBLISH, bytes(request.data))

    def _settle(self, answer: Allowed | Denied) -> None:
        publishing = self.session.publishing
        if publishing is None:
            self.close()  # the client is gone
            return
        self.answer = answer
        line = publishing[self.channel]
        while line and (decided := line[0].answer) is not None:
            first = line.popleft()
            super(Publishing, first)._settle(decided)
        if not line:
            del publishing[self.channel]

    def _allowed(self) -> None:
        session = self.session
        subscription = session.subscription(self.channel)
        info = session.identity(None if subscription is None else subscription.chan_info)
        try:
            session.node.publish(
                self.channel, bytes(self.request.data), key=self.request.key, info=info, done=self._published
            )
        except PublishRefused as refused:
            self.refuse(refused.reply)

    def _published(self, place: StreamTop | BrokerFailure) -> None:
        if isinstance(place, BrokerFailure):
            self.refuse(ERROR_INTERNAL)
        elif self.close():
            self.session.reply(Reply(id=self.command_id, publish=Empty()))


class _History(ChannelExchange):
    __slots__ = ("request",)
    request: HistoryRequest

    def _allowed(self) -> None:
        request, limit_max = self.request, self.session.node.limits.history_publications_max
        limit = min(request.limit, limit_max) if request.limit >= 0 else limit_max
        since = None if request.since is None else StreamTop(request.since.offset, request.since.epoch)
        query = HistoryQuery(limit, since, request.reverse)
        self.session.node.broker.history(self.channel, query, self._read)

    def _read(self, page: HistoryPage | UnrecoverablePosition | BrokerFailure) -> None:
        if isinstance(page, BrokerFailure):
            self.refuse(ERROR_INTERNAL)
        elif isinstance(page, UnrecoverablePosition):
            self.refuse(ERROR_UNRECOVERABLE_POSITION)
        elif self.close():
            publications = [to_publication(publication) for publication in page.publications]
            result = HistoryResult(publications, page.top.epoch, page.top.offset)
            self.session.reply(Reply(id=self.command_id, history=result))


class _Presence(ChannelExchange):
    __slots__ = ()

    def _allowed(self) -> None:
        self.session.node.presence.read(self.channel, self._read)

    def _read(self, present: Mapping[str, ClientIdentity] | BrokerFailure) -> None:
        if isinstance(present, BrokerFailure):
            self.refuse(ERROR_INTERNAL)
        elif self.close():
            infos = {client_id: to_client_info(identity) for client_id, identity in present.items()}
            self.session.reply(Reply(id=self.command_id, presence=PresenceResult(infos)))


class _PresenceStats(ChannelExchange):
    __slots__ = ()

    def _allowed(self) -> None:
        self.session.node.presence.count(self.channel, self._counted)

    def _counted(self, counts: tuple[int, int] | BrokerFailure) -> None:
        if isinstance(counts, BrokerFailure):
            self.refuse(ERROR_INTERNAL)
        elif self.close():
            self.session.reply(Reply(id=self.command_id, presence_stats=PresenceStatsResult(*counts)))


# Commands ------------------------------------------------------------------------------------------------------------


def _is_busy(session: Session, command: Command) -> bool:
    if session.in_flight < session.node.limits.in_flight_max:
        return False
    session.reply_error(command.id, ERROR_TOO_MANY_REQUESTS)
    return True


def _open[Kind: ChannelExchange](session: Session, command: Command, channel: str, kind: type[Kind]) -> Kind | None:
    if not channel:
        session.refuse_frame("empty_channel")
        return None
    if _is_busy(session, command):
        return None
    if not session.node.is_channel_name(channel):
        session.reply_error(command.id, ERROR_BAD_REQUEST)
        return None
    rules = session.node.resolve(channel)
    if rules is None:
        session.reply_error(command.id, ERROR_UNKNOWN_CHANNEL)
        return None
    return kind(session, command.id, channel=channel, rules=rules)


def handle_publish(session: Session, command: Command) -> None:
    """The publish command. What a `latest` channel with an own source shows is not published."""
    request = command.publish
    assert request is not None
    exchange = _open(session, command, request.channel, Publishing)
    if exchange is None:
        return
    if not bytes(request.data):
        exchange.refuse(ERROR_BAD_REQUEST)
    elif exchange.rules.open_source is not None and exchange.rules.delivery is Delivery.LATEST:
        exchange.refuse(ERROR_NOT_AVAILABLE)
    else:
        exchange.enter(request)


def handle_history(session: Session, command: Command) -> None:
    """The history command."""
    request = command.history
    assert request is not None
    exchange = _open(session, command, request.channel, _History)
    if exchange is None:
        return
    exchange.request = request
    if not exchange.rules.has_history:
        exchange.refuse(ERROR_NOT_AVAILABLE)
    elif request.reverse and request.since is not None and request.since.offset == 0:
        exchange.refuse(ERROR_BAD_REQUEST)
    else:
        exchange.ask(Action.HISTORY)


def _ask_presence(exchange: ChannelExchange | None) -> None:
    if exchange is None:
        return
    if exchange.rules.presence:
        exchange.ask(Action.PRESENCE)
    else:
        exchange.refuse(ERROR_NOT_AVAILABLE)


def handle_presence(session: Session, command: Command) -> None:
    """The presence command."""
    assert command.presence is not None
    _ask_presence(_open(session, command, command.presence.channel, _Presence))


def handle_presence_stats(session: Session, command: Command) -> None:
    """The presence_stats command."""
    assert command.presence_stats is not None
    _ask_presence(_open(session, command, command.presence_stats.channel, _PresenceStats))


def handle_rpc(session: Session, command: Command) -> None:
    """The rpc command."""
    request = command.rpc
    assert request is not None
    if session.node.rpc is None:
        session.reply_error(command.id, ERROR_NOT_AVAILABLE)
    elif not _is_busy(session, command):
        session.node.call(session, request.method, bytes(request.data), RpcExchange(session, command.id))


def handle_send(session: Session, command: Command) -> None:
    """The send command: nothing here takes messages without a reply."""
    del command
    session.close(DISCONNECT_NOT_AVAILABLE)


def handle_unavailable(session: Session, command: Command) -> None:
    """A command that this server does not offer: ping, and the token refreshes until there are tokens."""
    session.reply_error(command.id, ERROR_NOT_AVAILABLE)
