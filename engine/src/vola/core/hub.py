"""Who is connected and who is subscribed to which stream on this node."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from vola.core.ports import Broker, BrokerFailure, StoredPublication
from vola.core.publications import PushFrames, to_publication
from vola.protocol.messages import Push

if TYPE_CHECKING:
    from vola.core.session import Session
    from vola.core.subscribing import Subscription

__all__ = ["Hub", "StreamChannel"]

type Ready = Callable[[BrokerFailure | None], None]


class StreamChannel:
    """One stream with subscribers on this node."""

    __slots__ = ("is_joined", "name", "subscribers", "waiters")

    def __init__(self, name: str) -> None:
        self.name = name
        self.subscribers: dict[Subscription, None] = {}
        self.is_joined = False
        self.waiters: list[Ready] = []


class Hub:
    """Sessions by user, subscriptions by stream, and this node's interest in the broker's channels."""

    def __init__(self, *, broker: Broker) -> None:
        self._broker = broker
        self._streams: dict[str, StreamChannel] = {}
        # Nearly every user has one connection: the session itself then, a set from the second on.
        self._users: dict[str, Session | set[Session]] = {}

    @property
    def stream_count(self) -> int:
        """Streams with subscribers here."""
        return len(self._streams)

    def streams(self) -> list[StreamChannel]:
        """The streams with subscribers here."""
        return list(self._streams.values())

    def subscribers(self, channel: str) -> tuple["Subscription", ...]:
        """Those subscribed to a stream here, in any state."""
        stream = self._streams.get(channel)
        return () if stream is None else tuple(stream.subscribers)

    # Users --------------------------------------------------------------------------------------------------------

    def add_user(self, session: "Session") -> None:
        """Enter an authenticated session. Anonymous ones have no user to be found by."""
        if not session.user_id:
            return
        present = self._users.get(session.user_id)
        if present is None:
            self._users[session.user_id] = session
        elif isinstance(present, set):
            present.add(session)
        else:
            self._users[session.user_id] = {present, session}

    def remove_user(self, session: "Session") -> None:
        """Take a session out. Harmless if it is not in."""
        present = self._users.get(session.user_id)
        if isinstance(present, set):
            present.discard(session)
            if not present:
                del self._users[session.user_id]
        elif present is session:
            del self._users[session.user_id]

    def sessions_of(self, user_id: str) -> Iterable["Session"]:
        """The connections of a user on this node, as a copy."""
        present = self._users.get(user_id)
        if present is None:
            return ()
        return tuple(present) if isinstance(present, set) else (present,)

    # Streams ------------------------------------------------------------------------------------------------------

    def join(self, subscription: "Subscription", ready: Ready) -> None:
        """Deliver the channel's publications to `subscription`; `ready` once none can be missed any more."""
        stream = self._streams.get(subscription.channel)
        if stream is None:
            stream = self._streams[subscription.channel] = StreamChannel(subscription.channel)
            stream.subscribers[subscription] = None
            stream.waiters.append(ready)
            self._broker.subscribe(stream.name, lambda failure: self._joined(stream, failure))
            return
        stream.subscribers[subscription] = None
        if stream.is_joined:
            ready(None)
        else:
            stream.waiters.append(ready)

    def _joined(self, stream: StreamChannel, failure: BrokerFailure | None) -> None:
        if stream.is_joined or self._streams.get(stream.name) is not stream:
            return  # answered before, or everybody left meanwhile
        if failure is None:
            stream.is_joined = True
        else:
            del self._streams[stream.name]
        waiters, stream.waiters = stream.waiters, []
        for ready in waiters:
            ready(failure)

    def leave(self, subscription: "Subscription") -> None:
        """Deliver nothing more. Harmless if it was not in."""
        stream = self._streams.get(subscription.channel)
        if stream is None or subscription not in stream.subscribers:
            return
        del stream.subscribers[subscription]
        if not stream.subscribers:
            del self._streams[stream.name]
            self._broker.unsubscribe(stream.name)

    def deliver(self, channel: str, publication: StoredPublication) -> None:
        """Hand a publication to every subscriber, encoded once."""
        stream = self._streams.get(channel)
        if stream is None:
            return
        frames = PushFrames([Push(channel=channel, pub=to_publication(publication))])
        for subscription in tuple(stream.subscribers):
            subscription.deliver(publication, frames)

    def deliver_push(self, channel: str, push: Push) -> None:
        """Hand a join or leave to every live subscriber, encoded once."""
        frames = PushFrames([push])
        for subscription in self.subscribers(channel):
            subscription.deliver_push(frames)
