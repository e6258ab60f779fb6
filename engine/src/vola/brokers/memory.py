"""The broker of a single process: streams in memory, gone with the process.

A restart gives every stream a new epoch, so that a client that comes back is told that it cannot recover, and never
gets wrong data. There are no other nodes: what is published is delivered at once.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

from vola.core.ports import (
    BrokerFailure,
    BrokerSink,
    ClientIdentity,
    Clock,
    HistoryPage,
    HistoryQuery,
    IdSource,
    PublishOptions,
    StoredPublication,
    StreamTop,
)
from vola.errors import UnrecoverablePosition

__all__ = ["MemoryBroker", "MemoryPresence"]

# How long a repeated idempotency key is recognised.
IDEMPOTENCY_TTL_S: Final = 300.0
# Streams looked at for expiry with each publication: enough to keep ahead of the ones that are created.
EXPIRY_SLICE: Final = 2


class _Stream:
    """A stream's place and what it keeps. `publications` end at `top`, without gaps."""

    __slots__ = ("epoch", "expires_at_s", "is_queued", "publications", "top")

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.top = 0
        self.expires_at_s = float("inf")
        self.is_queued = False
        self.publications: deque[StoredPublication] = deque()

    def expire(self, now_s: float) -> None:
        if now_s >= self.expires_at_s:
            self.publications.clear()
            self.expires_at_s = float("inf")


class MemoryBroker:
    """Implements `ports.Broker` for one node.

    Args:
        streams_max: streams remembered. Beyond it the one unused for longest is forgotten: who was subscribed to it
            notices the new epoch and starts afresh.
        idempotency_keys_max: keys remembered, the oldest go first.
    """

    def __init__(
        self, *, clock: Clock, ids: IdSource, streams_max: int = 100_000, idempotency_keys_max: int = 100_000
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._streams_max = streams_max
        self._idempotency_keys_max = idempotency_keys_max
        self._streams: OrderedDict[str, _Stream] = OrderedDict()
        self._results: OrderedDict[tuple[str, str], tuple[float, StreamTop]] = OrderedDict()
        self._subscribed: set[str] = set()
        self._expiring: deque[str] = deque()
        self._sink: BrokerSink | None = None

    def start(self, sink: BrokerSink) -> None:
        """Deliver to `sink` from now on."""
        self._sink = sink

    def subscribe(self, channel: str, done: Callable[[BrokerFailure | None], None]) -> None:
        """Deliver what is published to `channel`."""
        self._subscribed.add(channel)
        done(None)

    def unsubscribe(self, channel: str) -> None:
        """Deliver it no more."""
        self._subscribed.discard(channel)

    def publish(
        self, channel: str, data: bytes, options: PublishOptions, done: Callable[[StreamTop | BrokerFailure], None]
    ) -> None:
        """Append, deliver, answer."""
        now_s = self._clock.monotonic_s()
        self._expire_some(now_s)
        if options.idempotency_key:
            known = self._results.get((channel, options.idempotency_key))
            if known is not None and now_s < known[0]:
                done(known[1])
                return
        if options.history_size > 0 and options.history_ttl_s > 0:
            publication = self._append(channel, data, options, now_s)
        else:
            publication = StoredPublication(data, info=options.info, tags=options.tags)
        place = StreamTop(publication.offset, publication.epoch)
        if options.idempotency_key:
            self._remember(channel, options.idempotency_key, now_s, place)
        if channel in self._subscribed and self._sink is not None:
            self._sink.deliver(channel, publication)
        done(place)

    def _append(self, channel: str, data: bytes, options: PublishOptions, now_s: float) -> StoredPublication:
        stream = self._stream(channel)
        stream.expire(now_s)
        stream.top += 1
        publication = StoredPublication(data, stream.top, stream.epoch, options.info, options.tags)
        stream.publications.append(publication)
        while len(stream.publications) > options.history_size:
            stream.publications.popleft()
        stream.expires_at_s = now_s + options.history_ttl_s
        if not stream.is_queued:
            stream.is_queued = True
            self._expiring.append(channel)
        return publication

    def _remember(self, channel: str, key: str, now_s: float, place: StreamTop) -> None:
        self._results[channel, key] = (now_s + IDEMPOTENCY_TTL_S, place)
        self._results.move_to_end((channel, key))
        if len(self._results) > self._idempotency_keys_max:
            self._results.popitem(last=False)

    def publish_join(self, channel: str, info: ClientIdentity) -> None:
        """Tell this node's subscribers."""
        if self._sink is not None:
            self._sink.deliver_join(channel, info)

    def publish_leave(self, channel: str, info: ClientIdentity) -> None:
        """Tell this node's subscribers."""
        if self._sink is not None:
            self._sink.deliver_leave(channel, info)

    def history(
        self,
        channel: str,
        query: HistoryQuery,
        done: Callable[[HistoryPage | UnrecoverablePosition | BrokerFailure], None],
    ) -> None:
        """Read a stream."""
        stream = self._stream(channel)
        stream.expire(self._clock.monotonic_s())
        since = query.since
        if since is not None and since.epoch not in ("", stream.epoch):
            done(UnrecoverablePosition(channel, epoch=since.epoch))
            return
        publications = _select(stream, query) if query.limit else ()
        done(HistoryPage(tuple(publications), StreamTop(stream.top, stream.epoch)))

    def remove_history(self, channel: str, done: Callable[[BrokerFailure | None], None]) -> None:
        """Empty the stream; its epoch and top stay."""
        stream = self._streams.get(channel)
        if stream is not None:
            stream.publications.clear()
        done(None)

    def _stream(self, channel: str) -> _Stream:
        stream = self._streams.get(channel)
        if stream is None:
            stream = self._streams[channel] = _Stream(self._ids.epoch())
            if len(self._streams) > self._streams_max:
                self._streams.popitem(last=False)
        else:
            self._streams.move_to_end(channel)
        return stream

    def _expire_some(self, now_s: float) -> None:
        """Empty expired streams, a few with each publication, all of them in turn."""
        for _ in range(min(EXPIRY_SLICE, len(self._expiring))):
            channel = self._expiring.popleft()
            stream = self._streams.get(channel)
            if stream is None:
                continue
            stream.expire(now_s)
            stream.is_queued = bool(stream.publications)
            if stream.is_queued:
                self._expiring.append(channel)
        self._results_expire(now_s)

    def _results_expire(self, now_s: float) -> None:
        while self._results:
            key = next(iter(self._results))
            if now_s < self._results[key][0]:
                return
            del self._results[key]


def _select(stream: _Stream, query: HistoryQuery) -> list[StoredPublication]:
    kept = stream.publications
    first = kept[0].offset if kept else stream.top + 1
    if query.reverse:
        end = len(kept) if query.since is None else min(len(kept), max(0, query.since.offset - first))
        chosen = list(islice(kept, 0, end))[::-1]
    else:
        start = 0 if query.since is None else min(len(kept), max(0, query.since.offset + 1 - first))
        chosen = list(islice(kept, start, None))
    return chosen if query.limit < 0 else chosen[: query.limit]


class MemoryPresence:
    """Who is subscribed on this node. Implements `ports.Presence`."""

    def __init__(self) -> None:
        self._channels: dict[str, dict[str, ClientIdentity]] = {}

    def add(self, channel: str, info: ClientIdentity) -> None:
        """Enter a client."""
        self._channels.setdefault(channel, {})[info.client_id] = info

    def remove(self, channel: str, client_id: str) -> None:
        """Take a client out."""
        present = self._channels.get(channel)
        if present is None:
            return
        present.pop(client_id, None)
        if not present:
            del self._channels[channel]

    def read(self, channel: str, done: Callable[[Mapping[str, ClientIdentity] | BrokerFailure], None]) -> None:
        """Everybody, as a copy."""
        done(dict(self._channels.get(channel, {})))

    def count(self, channel: str, done: Callable[[tuple[int, int] | BrokerFailure], None]) -> None:
        """(clients, distinct users)."""
        present = self._channels.get(channel, {})
        done((len(present), len({identity.user_id for identity in present.values()})))
