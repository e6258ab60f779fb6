"""One subscription: from the command over authorisation, joining and recovery to delivery and its end.

The decisions on the way are callbacks and may come late, twice or never. Each is taken only in the state that asked
for it, so an unsubscribe, a disconnect or a timeout in between leaves no trace of the answer. Live publications that
arrive while the history is being read are held back and merged: the reply is always the first thing the client sees
of the channel.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from vola.core.ports import (
    Action,
    Allowed,
    BrokerFailure,
    ChannelRules,
    Delivery,
    Denied,
    HistoryPage,
    HistoryQuery,
    Refusal,
    StoredPublication,
    StreamTop,
)
from vola.core.publications import PushFrames, to_publication
from vola.core.streams import is_recovered, merge_publications
from vola.errors import (
    DISCONNECT_INSUFFICIENT_STATE,
    DISCONNECT_INTERNAL_ERROR,
    DISCONNECT_TOO_MANY_REQUESTS,
    ERROR_ALREADY_SUBSCRIBED,
    ERROR_BAD_REQUEST,
    ERROR_INTERNAL,
    ERROR_LIMIT_EXCEEDED,
    ERROR_PERMISSION_DENIED,
    ERROR_UNKNOWN_CHANNEL,
    ERROR_UNRECOVERABLE_POSITION,
    UNSUBSCRIBE_INSUFFICIENT_STATE,
    ErrorReply,
    UnrecoverablePosition,
    Unsubscribe,
)
from vola.protocol.messages import (
    Command,
    Empty,
    Publication,
    Push,
    Reply,
    SubscribeRequest,
    SubscribeResult,
    UnsubscribePush,
)
from vola.protocol.payload import embed

if TYPE_CHECKING:
    from vola.core.session import Session

__all__ = ["Subscription", "SubscriptionState", "handle_subscribe", "handle_unsubscribe"]

DELTA_TYPES: Final = ("", "fossil")
FLAG_REJECT_UNRECOVERED: Final = 2


class SubscriptionState(IntEnum):
    """How far a subscription is."""

    AUTHORISING = 0
    JOINING = 1
    LIVE = 2
    ENDED = 3


class _Setup:
    """What a subscription needs until it is live."""

    __slots__ = (
        "command_id",
        "commands_waiting",
        "data",
        "decision_deadline_s",
        "held",
        "request",
        "unsubscribe_deadline_s",
        "waiting",
    )

    def __init__(self, command_id: int, request: SubscribeRequest, *, decision_deadline_s: float) -> None:
        self.command_id = command_id
        self.request = request
        self.decision_deadline_s = decision_deadline_s
        self.unsubscribe_deadline_s: float | None = None
        self.data: bytes | None = None
        self.held: list[StoredPublication] = []
        self.waiting: list[Callable[[], None]] = []
        self.commands_waiting = 0

    @property
    def deadline_s(self) -> float:
        if self.unsubscribe_deadline_s is None:
            return self.decision_deadline_s
        return min(self.decision_deadline_s, self.unsubscribe_deadline_s)


class Subscription:
    """One client's subscription to one channel.

    `offset` and `epoch` are the last position delivered (streams), `version` and `sent_at_s` the last frame (latest).
    """

    __slots__ = (
        "chan_info",
        "channel",
        "epoch",
        "offset",
        "rules",
        "sent_at_s",
        "session",
        "setup",
        "state",
        "version",
    )

    def __init__(self, session: Session, *, channel: str, rules: ChannelRules, setup: _Setup) -> None:
        self.session = session
        self.channel = channel
        self.rules = rules
        self.setup: _Setup | None = setup
        self.state = SubscriptionState.AUTHORISING
        self.chan_info: bytes | None = None
        self.offset = 0
        self.epoch = ""
        self.version = 0
        self.sent_at_s = 0.0

    # Setting up ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Ask whether the client may."""
        assert self.setup is not None
        node = self.session.node
        data = bytes(self.setup.request.data)
        node.authorize(Action.SUBSCRIBE, self.session, self.channel, data, self._decided)
        if self.setup is not None:
            node.wheel.place_earlier(self.session, self.setup.deadline_s)

    def _decided(self, answer: Allowed | Denied) -> None:
        if self.state is not SubscriptionState.AUTHORISING:
            return
        if isinstance(answer, Denied):
            self.fail(answer.refusal)
            return
        assert self.setup is not None
        self.state = SubscriptionState.JOINING
        self.chan_info = answer.info
        self.setup.data = answer.data
        if self.rules.delivery is Delivery.LATEST:
            self._join_latest()
        else:
            self.session.node.hub.join(self, self._joined)

    def _join_latest(self) -> None:
        node = self.session.node
        frames = node.latest.join(self)
        if frames is None:
            self.fail(ERROR_INTERNAL)
            return
        self.version = frames.version
        self.sent_at_s = node.clock.monotonic_s()
        payloads = [Publication(data=embed(payload)) for payload in frames.payloads]
        self._go_live(SubscribeResult(publications=payloads or None))

    def _joined(self, failure: BrokerFailure | None) -> None:
        if self.state is not SubscriptionState.JOINING:
            return
        assert self.setup is not None
        if failure is not None:
            self.fail(ERROR_INTERNAL)
        elif self.rules.tracks_position:
            request, node = self.setup.request, self.session.node
            query = HistoryQuery()
            if request.recover and self.rules.recovers:
                query = HistoryQuery(node.limits.recovery_publications_max, StreamTop(request.offset, ""))
            node.broker.history(self.channel, query, self._positioned)
        else:
            self._go_live(SubscribeResult())

    def _positioned(self, page: HistoryPage | UnrecoverablePosition | BrokerFailure) -> None:
        if self.state is not SubscriptionState.JOINING:
            return
        if not isinstance(page, HistoryPage):
            self.fail(ERROR_INTERNAL)
            return
        assert self.setup is not None
        request = self.setup.request
        self.offset, self.epoch = page.top.offset, page.top.epoch
        result = SubscribeResult(
            recoverable=self.rules.recovers, positioned=True, epoch=self.epoch, offset=page.top.offset
        )
        if request.recover and self.rules.recovers:
            result.was_recovering = True
            if is_recovered(StreamTop(request.offset, request.epoch), page):
                if not self._recover(page, result):
                    return
            elif request.flag & FLAG_REJECT_UNRECOVERED:
                self.fail(ERROR_UNRECOVERABLE_POSITION)
                return
        self._go_live(result)

    def _recover(self, page: HistoryPage, result: SubscribeResult) -> bool:
        assert self.setup is not None
        start, held = self.setup.request.offset, self.setup.held
        merged = merge_publications(page.publications, held, after_offset=start)
        if merged is None or any(publication.epoch != self.epoch for publication in held):
            self.session.close(DISCONNECT_INSUFFICIENT_STATE)
            return False
        result.recovered = True
        result.offset = start
        result.publications = [to_publication(publication) for publication in merged] or None
        self.offset = start + len(merged)
        return True

    def _go_live(self, result: SubscribeResult) -> None:
        setup, self.setup = self.setup, None
        assert setup is not None
        session, node = self.session, self.session.node
        self.state = SubscriptionState.LIVE
        node.counters.subscriptions += 1
        result.data = embed(setup.data)
        session.reply(Reply(id=setup.command_id, subscribe=result))
        for publication in setup.held:
            push = Push(channel=self.channel, pub=to_publication(publication))
            self.deliver(publication, PushFrames([push]))
        if self.state is SubscriptionState.LIVE:
            node.entered(self)
        self._run_waiting(setup)

    def fail(self, refusal: Refusal) -> None:
        """End a subscription that never became live, and say why."""
        setup, self.setup = self.setup, None
        assert setup is not None
        self._detach()
        self.session.reply_refusal(setup.command_id, refusal)
        self._run_waiting(setup)

    def _run_waiting(self, setup: _Setup) -> None:
        for step in setup.waiting:
            if self.session.is_open:
                step()

    def wait(self, command: Command) -> None:
        """Keep an unsubscribe, or a subscribe after it, until the subscription is settled."""
        setup, session = self.setup, self.session
        assert setup is not None
        limits = session.node.limits
        if setup.commands_waiting >= limits.pipelined_commands_max:
            session.close(DISCONNECT_TOO_MANY_REQUESTS)
            return
        setup.commands_waiting += 1
        setup.waiting.append(partial(session.dispatch, command))
        if setup.unsubscribe_deadline_s is None:
            setup.unsubscribe_deadline_s = session.node.clock.monotonic_s() + limits.unsubscribe_wait_s
            session.node.wheel.place_earlier(session, setup.deadline_s)

    def defer(self, step: Callable[[], None]) -> bool:
        """Whether `step`, of a command that counts as in flight, waits until the subscription is settled."""
        if self.setup is None:
            return False
        self.setup.waiting.append(step)
        return True

    def check_deadline(self, now_s: float) -> None:
        """Give up waiting for decisions that take too long."""
        setup = self.setup
        if setup is None:
            return
        if setup.unsubscribe_deadline_s is not None and now_s >= setup.unsubscribe_deadline_s:
            self.session.close(DISCONNECT_INTERNAL_ERROR)
        elif now_s >= setup.decision_deadline_s:
            self.session.node.counters.faults["subscribe_timeout"] += 1
            self.fail(ERROR_INTERNAL)

    # Delivery -----------------------------------------------------------------------------------------------------

    def deliver(self, publication: StoredPublication, frames: PushFrames) -> None:
        """Pass on one live publication of a stream, once and in order, or find out that something is missing."""
        if self.setup is not None:
            self._hold(publication)
            return
        if self.state is not SubscriptionState.LIVE:
            return
        if self.rules.tracks_position:
            if publication.epoch != self.epoch or publication.offset > self.offset + 1:
                self.unsubscribe(UNSUBSCRIBE_INSUFFICIENT_STATE)
                return
            if publication.offset <= self.offset:
                return  # seen already
            self.offset = publication.offset
        self.session.node.counters.publications_out += 1
        self.session.send(frames.encoded(self.session.codec))

    def deliver_push(self, frames: PushFrames) -> None:
        """Pass on a join or leave."""
        if self.state is SubscriptionState.LIVE:
            self.session.send(frames.encoded(self.session.codec))

    def _hold(self, publication: StoredPublication) -> None:
        assert self.setup is not None
        if len(self.setup.held) >= self.session.node.limits.join_buffer_publications_max:
            self.fail(ERROR_INTERNAL)
            return
        self.setup.held.append(publication)

    # The end ------------------------------------------------------------------------------------------------------

    def unsubscribe(self, reason: Unsubscribe) -> None:
        """End the subscription from the server's side and tell the client."""
        if self.setup is not None:
            self.fail(ERROR_PERMISSION_DENIED)
            return
        if self.state is not SubscriptionState.LIVE:
            return
        self.end()
        self.session.node.counters.unsubscribes[reason.code] += 1
        push = Push(channel=self.channel, unsubscribe=UnsubscribePush(reason.code, reason.reason))
        self.session.reply(Reply(push=push))

    def end(self) -> None:
        """End the subscription without a word to the client."""
        was_live = self.state is SubscriptionState.LIVE
        self.setup = None
        self._detach()
        if was_live:
            self.session.node.counters.subscriptions -= 1
            self.session.node.left(self)

    def _detach(self) -> None:
        self.state = SubscriptionState.ENDED
        node = self.session.node
        if self.rules.delivery is Delivery.LATEST:
            node.latest.leave(self)
        else:
            node.hub.leave(self)
        assert self.session.subscriptions is not None
        self.session.subscriptions.pop(self.channel, None)


# Commands ------------------------------------------------------------------------------------------------------------


def handle_subscribe(session: Session, command: Command) -> None:
    """The subscribe command."""
    request = command.subscribe
    assert request is not None
    if not request.channel or request.delta not in DELTA_TYPES:
        session.refuse_frame("subscribe_request")
        return
    existing = session.subscription(request.channel)
    if existing is not None and existing.setup is not None and existing.setup.commands_waiting:
        existing.wait(command)  # behind an unsubscribe that waits itself
        return
    node = session.node
    rules = node.resolve(request.channel)
    error = ERROR_ALREADY_SUBSCRIBED if existing is not None else _refusal(session, request, rules)
    if error is not None or rules is None:
        session.reply_error(command.id, error or ERROR_UNKNOWN_CHANNEL)
        return
    deadline_s = node.clock.monotonic_s() + node.limits.decision_timeout_s
    setup = _Setup(command.id, request, decision_deadline_s=deadline_s)
    subscription = Subscription(session, channel=request.channel, rules=rules, setup=setup)
    if session.subscriptions is None:
        session.subscriptions = {}
    session.subscriptions[request.channel] = subscription
    subscription.start()


def _refusal(session: Session, request: SubscribeRequest, rules: ChannelRules | None) -> ErrorReply | None:
    if not session.node.is_channel_name(request.channel):
        return ERROR_BAD_REQUEST
    if len(session.subscriptions or ()) >= session.node.limits.channels_per_client_max:
        return ERROR_LIMIT_EXCEEDED
    if rules is None:
        return ERROR_UNKNOWN_CHANNEL
    if request.type != 0 or bytes(request.tf) not in (b"", b"null"):
        return ERROR_BAD_REQUEST  # map subscriptions and filters are not offered; ignoring them would deliver too much
    return None


def handle_unsubscribe(session: Session, command: Command) -> None:
    """The unsubscribe command: idempotent, and never before the subscribe that it undoes."""
    request = command.unsubscribe
    assert request is not None
    if not request.channel:
        session.refuse_frame("empty_channel")
        return
    subscription = session.subscription(request.channel)
    if subscription is not None:
        if subscription.setup is not None:
            subscription.wait(command)
            return
        subscription.end()
    session.reply(Reply(id=command.id, unsubscribe=Empty()))
