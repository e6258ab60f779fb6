"""`latest` channels: a snapshot, then at most so many merged frames a second, the same bytes for all at one version."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.tests.core.world import Client, World
from vola.core.keyed_source import KeyedSource
from vola.core.limits import Limits
from vola.core.ports import ChannelRules, Delivery, LatestSource, SourceFrames
from vola.errors import ChannelHasOwnSource, TooManyKeys

KEYED = ChannelRules(delivery=Delivery.LATEST, rate_hz=2.0, history_ttl_s=60.0)
FORGETFUL = ChannelRules(delivery=Delivery.LATEST, rate_hz=2.0)


class Numbers:
    """A source whose state is a number; counts how often it is asked."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.changed = changed
        self.value = 1
        self.pulls = 0
        self.is_closed = False
        self.fails = False

    def put(self, value: int) -> None:
        self.value = value
        self.changed()

    def snapshot(self) -> SourceFrames:
        if self.fails:
            raise LookupError("the source's own fault")
        return SourceFrames(self.value, (b'{"all":%d}' % self.value,))

    def changes(self, since_version: int) -> SourceFrames | None:
        self.pulls += 1
        if self.fails:
            raise LookupError("the source's own fault")
        if since_version == self.value:
            return None
        if self.value < 0:
            return SourceFrames(self.value, ())
        return SourceFrames(self.value, (b'{"from":%d,"to":%d}' % (since_version, self.value),))

    def close(self) -> None:
        self.is_closed = True


class Numbered(World):
    """A world with the channel "tile" on a `Numbers` source."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits=limits)
        self.opened: list[Numbers] = []

        def open_source(changed: Callable[[], None]) -> LatestSource:
            self.opened.append(Numbers(changed))
            return self.opened[-1]

        self.directory.rules["tile"] = ChannelRules(delivery=Delivery.LATEST, rate_hz=2.0, open_source=open_source)
        self.directory.rules["keyed"] = KEYED
        self.directory.rules["forgetful"] = FORGETFUL

    def watcher(self, channel: str = "tile") -> Client:
        client = self.client().connect()
        client.ask({"id": 2, "subscribe": {"channel": channel}})
        return client


@pytest.fixture
def world() -> Numbered:
    return Numbered()


def frames(client: Client) -> list[Any]:
    return [message["push"]["pub"]["data"] for message in client.received()]


def test_a_subscriber_starts_with_the_snapshot(world: Numbered) -> None:
    (reply,) = world.client().connect().ask({"id": 2, "subscribe": {"channel": "tile"}})
    assert reply == {"id": 2, "subscribe": {"publications": [{"data": {"all": 1}}]}}
    assert world.node.snapshot().channels == 1


def test_changes_are_merged_to_the_channel_s_rate(world: Numbered) -> None:
    client, source = world.watcher(), world.opened[0]
    world.clock.advance(1)
    for value in range(2, 12):
        source.put(value)
        world.clock.advance(0.1)
    world.clock.advance(1)
    assert frames(client) == [{"from": 1, "to": 2}, {"from": 2, "to": 6}, {"from": 6, "to": 11}]


def test_a_frame_is_made_once_for_all_at_one_version(world: Numbered) -> None:
    clients, source = [world.watcher() for _ in range(3)], world.opened[0]
    world.clock.advance(1)
    source.put(2)
    world.clock.settle()
    assert source.pulls == 1
    first, second, third = (client.wire.frames[0] for client in clients)
    assert first is second is third


def test_a_slow_client_is_skipped_and_gets_one_merged_frame(world: Numbered) -> None:
    slow, fast, source = world.watcher(), world.watcher(), world.opened[0]
    world.clock.advance(1)
    slow.wire.buffered = 200_000
    for value in (2, 3, 4):
        source.put(value)
        world.clock.advance(0.6)
    assert frames(fast) == [{"from": 1, "to": 2}, {"from": 2, "to": 3}, {"from": 3, "to": 4}]
    assert frames(slow) == []
    slow.wire.buffered = 0
    world.clock.advance(0.6)
    assert frames(slow) == [{"from": 1, "to": 4}]
    assert frames(fast) == []


def test_who_just_got_the_snapshot_waits_its_interval(world: Numbered) -> None:
    world.watcher()
    source = world.opened[0]
    world.clock.advance(1)
    source.put(2)
    world.clock.advance(0.4)
    late = world.watcher()
    source.put(3)
    world.clock.advance(0.2)
    assert frames(late) == []
    world.clock.advance(0.5)
    assert frames(late) == [{"from": 2, "to": 3}]


def test_an_empty_change_moves_the_version_only(world: Numbered) -> None:
    client, source = world.watcher(), world.opened[0]
    world.clock.advance(1)
    source.put(-5)
    world.clock.advance(1)
    source.put(3)
    world.clock.advance(1)
    assert frames(client) == [{"from": -5, "to": 3}]


def test_the_last_subscriber_closes_the_source(world: Numbered) -> None:
    first, second = world.watcher(), world.watcher()
    source = world.opened[0]
    world.clock.advance(1)
    source.put(2)
    first.session.transport_lost()
    assert source.is_closed is False
    second.ask({"id": 3, "unsubscribe": {"channel": "tile"}})
    assert bool(source.is_closed)
    source.put(3)
    world.clock.advance(1)
    world.watcher()
    assert len(world.opened) == 2


def test_a_flush_that_finds_nobody_left_does_nothing(world: Numbered) -> None:
    client, source = world.watcher(), world.opened[0]
    world.clock.advance(1)
    source.put(2)
    client.session.transport_lost()
    world.clock.advance(1)
    assert source.pulls == 0


def test_a_source_that_fails_sends_its_subscribers_back_for_a_snapshot(world: Numbered) -> None:
    first, second, source = world.watcher(), world.watcher(), world.opened[0]
    world.clock.advance(1)
    source.fails = True
    source.put(2)
    world.clock.advance(0.1)
    for client in (first, second):
        assert client.received()[0]["push"]["unsubscribe"]["code"] == 2500
    assert world.node.snapshot().faults == {"latest_source": 2}


def test_a_snapshot_that_fails_is_a_temporary_error(world: Numbered) -> None:
    world.watcher()
    world.opened[0].fails = True
    (reply,) = world.client().connect().ask({"id": 2, "subscribe": {"channel": "tile"}})
    assert reply["error"]["code"] == 100


def test_a_delivery_that_ends_a_neighbour_leaves_it_alone() -> None:
    world = Numbered()
    first, second = world.watcher(), world.watcher()
    source = world.opened[0]
    world.clock.advance(1)

    def lose_the_other() -> int:
        second.session.transport_lost()
        return 0

    first.wire.buffered_bytes = lose_the_other  # type: ignore[method-assign]
    source.put(2)
    world.clock.settle()
    assert second.wire.frames == []
    assert len(first.wire.frames) == 1


def test_a_source_that_fails_from_the_start_is_closed_again(world: Numbered) -> None:
    source = Numbers(lambda: None)
    source.fails = True

    def broken(changed: Callable[[], None]) -> LatestSource:
        raise LookupError("the opener's own fault")

    world.directory.rules["bad"] = ChannelRules(delivery=Delivery.LATEST, open_source=lambda _: source)
    world.directory.rules["worse"] = ChannelRules(delivery=Delivery.LATEST, open_source=broken)
    for channel in ("bad", "worse"):
        (reply,) = world.client().connect().ask({"id": 2, "subscribe": {"channel": channel}})
        assert reply["error"]["code"] == 100
    assert source.is_closed
    assert world.node.snapshot().channels == 0


# Keyed content --------------------------------------------------------------------------------------------------------


def test_keyed_content_keeps_the_last_payload_of_each_key(world: Numbered) -> None:
    for key, value in (("a", 1), ("b", 2), ("a", 3)):
        world.publish("keyed", value, key=key)
    client = world.client().connect()
    (reply,) = client.ask({"id": 2, "subscribe": {"channel": "keyed"}})
    assert reply["subscribe"]["publications"] == [{"data": 2}, {"data": 3}]
    world.clock.advance(1)
    world.publish("keyed", 4, key="c")
    world.publish("keyed", 5, key="b")
    world.publish("keyed", 6, key="b")
    world.clock.advance(1)
    assert frames(client)[-1] == 6


def test_a_client_publishes_keyed_content(world: Numbered) -> None:
    watcher, publisher = world.watcher("keyed"), world.client().connect()
    world.clock.advance(1)
    command = {"id": 2, "publish": {"channel": "keyed", "data": {"n": 1}, "key": "a"}}
    assert publisher.ask(command) == [{"id": 2, "publish": {}}]
    assert frames(watcher) == [{"n": 1}]
    command = {"id": 3, "publish": {"channel": "tile", "data": 1}}
    assert publisher.ask(command)[0]["error"]["code"] == 108


def test_keyed_content_is_bounded() -> None:
    world = Numbered(limits=Limits(latest_keys_max=2, latest_channels_max=1))
    for key in ("a", "b", "b"):
        world.publish("keyed", 1, key=key)
    with pytest.raises(TooManyKeys) as caught:
        world.publish("keyed", 1, key="c")
    assert caught.value.limit == 2
    world.directory.rules["other"] = KEYED
    for _ in range(2):
        with pytest.raises(TooManyKeys):
            world.publish("other", 1, key="a")
    command = {"id": 2, "publish": {"channel": "keyed", "data": 1, "key": "c"}}
    assert world.client().connect().ask(command)[0]["error"]["code"] == 106
    world.clock.advance(61)
    world.publish("other", 1, key="a")  # the first channel's content has outlived its time


def test_keyed_content_outlives_its_subscribers_for_its_time(world: Numbered) -> None:
    watcher = world.watcher("keyed")
    world.publish("keyed", 1, key="a")
    watcher.session.transport_lost()
    world.node.latest.sweep(world.clock.monotonic_s() + 59)
    assert len(world.node.latest._keyed) == 1
    world.node.latest.sweep(world.clock.monotonic_s() + 61)
    assert len(world.node.latest._keyed) == 0


def test_without_a_time_to_keep_content_lives_with_its_subscribers(world: Numbered) -> None:
    world.publish("forgetful", 1, key="a")
    client = world.watcher("forgetful")
    world.clock.advance(1)
    world.publish("forgetful", 2, key="a")
    assert frames(client) == [2]


def test_nothing_is_published_to_a_channel_with_its_own_source(world: Numbered) -> None:
    with pytest.raises(ChannelHasOwnSource):
        world.publish("tile", 1)


def test_a_keyed_source_answers_from_every_version() -> None:
    source = KeyedSource(keys_max=10)
    for key, value in ((b"a", b"1"), (b"b", b"2"), (b"a", b"3")):
        source.put(key.decode(), value)
    assert source.changes(3) is None
    assert source.changes(2) == SourceFrames(3, (b"3",))
    assert source.changes(0) == source.snapshot() == SourceFrames(3, (b"2", b"3"))
