"""Delivery of `latest` channels: the newest state to everybody, as fast as each can take it.

A source says that it changed; the channel asks it for what is new at most `rate_hz` times a second, once for each
version that its subscribers stand at, and sends the same bytes to all that stand there. A client that does not keep
up is skipped and later gets one merged frame from the version that it was sent last: its queue stays bounded, its
state is never wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from vola.core.keyed_source import KeyedSource
from vola.core.ports import ChannelRules, Clock, LatestSource, Scheduler, SourceFrames
from vola.core.publications import PushFrames
from vola.errors import UNSUBSCRIBE_INSUFFICIENT_STATE, ChannelHasOwnSource, TooManyKeys

if TYPE_CHECKING:
    from vola.core.counters import Counters
    from vola.core.limits import Limits
    from vola.core.subscribing import Subscription

__all__ = ["LatestChannels"]

_logger = logging.getLogger("vola.latest")

# A delivery that comes a little early by the clock counts as on time; else a jittering timer would halve the rate.
RATE_SLACK: Final = 0.05
# Between sweeps that are made because all room for keyed channels is taken: each looks at all of them.
FULL_SWEEP_PAUSE_S: Final = 1.0


class _LatestChannel:
    """One channel with subscribers: its source and who stands at which version."""

    __slots__ = ("flushed_at_s", "interval_s", "is_scheduled", "name", "source", "subscribers")

    def __init__(self, name: str, *, interval_s: float) -> None:
        self.name = name
        self.interval_s = interval_s
        self.source: LatestSource | None = None
        self.subscribers: dict[Subscription, None] = {}
        self.is_scheduled = False
        self.flushed_at_s = float("-inf")


class LatestChannels:
    """All `latest` channels of a node, and the keyed content of those that are published to."""

    def __init__(self, *, clock: Clock, scheduler: Scheduler, limits: Limits, counters: Counters) -> None:
        self._clock = clock
        self._scheduler = scheduler
        self._limits = limits
        self._counters = counters
        self._channels: dict[str, _LatestChannel] = {}
        self._keyed: dict[str, tuple[KeyedSource, float]] = {}
        self._swept_at_s = float("-inf")

    @property
    def channel_count(self) -> int:
        """Channels with subscribers here."""
        return len(self._channels)

    # Subscribers --------------------------------------------------------------------------------------------------

    def join(self, subscription: Subscription) -> SourceFrames | None:
        """Enter a subscriber and get the state that it starts with. None: the source failed; it is not entered."""
        name = subscription.channel
        channel = self._channels.get(name)
        if channel is None:
            channel = _LatestChannel(name, interval_s=1.0 / subscription.rules.rate_hz)
        frames = self._guard(lambda: self._snapshot(channel, subscription.rules))
        if frames is not None:
            self._channels[name] = channel
            channel.subscribers[subscription] = None
        elif not channel.subscribers:
            self._close(channel)
        return frames

    def _snapshot(self, channel: _LatestChannel, rules: ChannelRules) -> SourceFrames:
        if channel.source is None:
            changed = partial(self._changed, channel)
            if rules.open_source is None:
                keyed = self._keyed_source(channel.name, rules)
                keyed.changed = changed
                channel.source = keyed
            else:
                channel.source = rules.open_source(changed)
        return channel.source.snapshot()

    def leave(self, subscription: Subscription) -> None:
        """Take a subscriber out; the last one closes the source. Harmless if it was not in."""
        channel = self._channels.get(subscription.channel)
        if channel is None or subscription not in channel.subscribers:
            return
        del channel.subscribers[subscription]
        if not channel.subscribers:
            del self._channels[channel.name]
            self._close(channel)

    def _close(self, channel: _LatestChannel) -> None:
        source, channel.source = channel.source, None
        if source is not None:
            self._guard(source.close)
        keyed = self._keyed.get(channel.name)
        if keyed is not None:
            keyed[0].idle_since_s = self._clock.monotonic_s()

    # Delivery -----------------------------------------------------------------------------------------------------

    def _changed(self, channel: _LatestChannel) -> None:
        if channel.is_scheduled or channel.source is None:
            return
        delay_s = channel.flushed_at_s + channel.interval_s - self._clock.monotonic_s()
        self._schedule(channel, delay_s)

    def _schedule(self, channel: _LatestChannel, delay_s: float) -> None:
        channel.is_scheduled = True
        if delay_s > 0:
            self._scheduler.call_later(delay_s, partial(self._flush, channel))
        else:
            self._scheduler.call_soon(partial(self._flush, channel))

    def _flush(self, channel: _LatestChannel) -> None:
        channel.is_scheduled = False
        now_s = self._clock.monotonic_s()
        channel.flushed_at_s = now_s
        sent_before_s = now_s - channel.interval_s * (1 - RATE_SLACK)
        by_version: dict[int, tuple[SourceFrames, PushFrames] | None] = {}
        is_behind = False
        for subscription in tuple(channel.subscribers):
            if subscription not in channel.subscribers:
                continue  # a delivery before it ended it
            backlog_bytes = subscription.session.backlog_bytes()
            if subscription.sent_at_s > sent_before_s or backlog_bytes > self._limits.latest_backlog_max_bytes:
                is_behind = True
            else:
                self._bring_up_to_date(channel, subscription, now_s, by_version)
        if is_behind and channel.source is not None and not channel.is_scheduled:
            self._schedule(channel, channel.interval_s)

    def _bring_up_to_date(
        self,
        channel: _LatestChannel,
        subscription: Subscription,
        now_s: float,
        by_version: dict[int, tuple[SourceFrames, PushFrames] | None],
    ) -> None:
        version = subscription.version
        if version not in by_version:
            try:
                by_version[version] = self._pull(channel, version)
            except Exception:
                _logger.exception("The source of %s failed.", channel.name)
                self._counters.faults["latest_source"] += 1
                subscription.unsubscribe(UNSUBSCRIBE_INSUFFICIENT_STATE)
                return
        pulled = by_version[version]
        if pulled is None:
            return
        frames, pushes = pulled
        subscription.version = frames.version
        if frames.payloads:
            subscription.sent_at_s = now_s
            self._counters.publications_out += len(frames.payloads)
            subscription.session.send(pushes.encoded(subscription.session.codec))

    def _pull(self, channel: _LatestChannel, version: int) -> tuple[SourceFrames, PushFrames] | None:
        assert channel.source is not None
        frames = channel.source.changes(version)
        return None if frames is None else (frames, PushFrames.of_payloads(channel.name, frames.payloads))

    def _guard[Value](self, step: Callable[[], Value]) -> Value | None:
        try:
            return step()
        except Exception:
            _logger.exception("A source failed to open, to show its state or to close.")
            self._counters.faults["latest_source"] += 1
            return None

    # Keyed content ------------------------------------------------------------------------------------------------

    def publish(self, name: str, payload: bytes, *, key: str, rules: ChannelRules) -> None:
        """Put a payload under its key.

        Raises:
            ChannelHasOwnSource: the channel's content is its source's.
            TooManyKeys: no room for another key, or for another channel with content.
        """
        if rules.open_source is not None:
            raise ChannelHasOwnSource(name)
        if rules.history_ttl_s <= 0 and name not in self._channels:
            return  # nobody is there, and nothing is to be kept for who comes later
        if not self._keyed_source(name, rules).put(key, payload):
            raise TooManyKeys(name, limit=self._limits.latest_keys_max)

    def _keyed_source(self, name: str, rules: ChannelRules) -> KeyedSource:
        entry = self._keyed.get(name)
        if entry is None:
            now_s = self._clock.monotonic_s()
            if len(self._keyed) >= self._limits.latest_channels_max and now_s >= self._swept_at_s + FULL_SWEEP_PAUSE_S:
                self.sweep(now_s)  # the node sweeps regularly only while somebody is connected
            if len(self._keyed) >= self._limits.latest_channels_max:
                raise TooManyKeys(name, limit=self._limits.latest_channels_max)
            entry = self._keyed[name] = (KeyedSource(keys_max=self._limits.latest_keys_max), rules.history_ttl_s)
        entry[0].idle_since_s = self._clock.monotonic_s()
        return entry[0]

    def sweep(self, now_s: float) -> None:
        """Forget keyed content that nobody is subscribed to and that has outlived its time."""
        self._swept_at_s = now_s
        for name, (source, ttl_s) in tuple(self._keyed.items()):
            if name not in self._channels and now_s >= source.idle_since_s + ttl_s:
                del self._keyed[name]
