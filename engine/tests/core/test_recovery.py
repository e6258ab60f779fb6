"""Recovery: whole or none, and live publications that arrive while the history is read are merged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tests.core.world import Client, Message, World
from vola.core.limits import Limits
from vola.core.ports import BrokerFailure, HistoryPage, HistoryQuery, StoredPublication, StreamTop
from vola.core.streams import is_recovered, merge_publications


def publications(*offsets: int, epoch: str = "e") -> tuple[StoredPublication, ...]:
    return tuple(StoredPublication(b"%d" % offset, offset, epoch) for offset in offsets)


@pytest.mark.parametrize(
    ("position", "offsets", "top", "expected"),
    [
        (StreamTop(2, "e"), (3, 4), 4, True),
        (StreamTop(2, ""), (3, 4), 4, True),
        (StreamTop(4, "e"), (), 4, True),
        (StreamTop(0, "e"), (), 0, True),
        (StreamTop(2, "other"), (3, 4), 4, False),
        (StreamTop(1, "e"), (3, 4), 4, False),
        (StreamTop(2, "e"), (3, 4), 5, False),
        (StreamTop(2, "e"), (), 4, False),
        (StreamTop(9, "e"), (), 4, False),
    ],
)
def test_recovery_is_whole_or_none(position: StreamTop, offsets: tuple[int, ...], top: int, expected: bool) -> None:
    assert is_recovered(position, HistoryPage(publications(*offsets), StreamTop(top, "e"))) is expected


@given(start=st.integers(0, 5), count=st.integers(0, 12), cut=st.integers(0, 12), overlap=st.integers(0, 12))
def test_merging_gives_each_offset_once_in_order(start: int, count: int, cut: int, overlap: int) -> None:
    every = publications(*range(start + 1, start + 1 + count))
    cut = min(cut, count)
    merged = merge_publications(every[:cut], reversed(every[max(0, cut - overlap) :]), after_offset=start)
    assert merged == list(every)


def test_merging_finds_a_gap() -> None:
    assert merge_publications(publications(1, 2), publications(4), after_offset=0) is None
    assert merge_publications((), publications(3), after_offset=1) is None


def recover(client: Client, offset: int, epoch: str, **fields: object) -> list[Message]:
    request = {"channel": "orders", "recover": True, "offset": offset, "epoch": epoch, **fields}
    return client.ask({"id": 2, "subscribe": request})


def epoch_of(world: World) -> str:
    pages: list[object] = []
    holds, world.broker.holds_history = world.broker.holds_history, False
    world.node.broker.history("orders", HistoryQuery(), pages.append)
    world.broker.holds_history = holds
    page = pages[0]
    assert isinstance(page, HistoryPage)
    return page.top.epoch


def test_a_client_gets_what_it_missed(world: World) -> None:
    for n in range(1, 5):
        world.publish("orders", n)
    client = world.client().connect()
    (reply,) = recover(client, 2, epoch_of(world))
    assert reply["subscribe"] == {
        "recoverable": True,
        "positioned": True,
        "epoch": epoch_of(world),
        "was_recovering": True,
        "recovered": True,
        "offset": 2,
        "publications": [{"data": 3, "offset": 3}, {"data": 4, "offset": 4}],
    }
    world.publish("orders", 5)
    assert client.received()[0]["push"]["pub"]["offset"] == 5


def test_a_client_that_missed_nothing_is_recovered(world: World) -> None:
    world.publish("orders", 1)
    (reply,) = recover(world.client().connect(), 1, epoch_of(world))
    assert reply["subscribe"]["recovered"] is True
    assert "publications" not in reply["subscribe"]


@pytest.mark.parametrize("flag", [0, 2])
def test_another_epoch_is_unrecovered_or_refused(world: World, flag: int) -> None:
    world.publish("orders", 1)
    client = world.client().connect()
    (reply,) = recover(client, 0, "lost", flag=flag)
    if flag:
        assert reply["error"]["code"] == 112
        assert client.session.subscriptions == {}
    else:
        expected = {"recoverable": True, "positioned": True, "epoch": epoch_of(world), "offset": 1}
        assert reply["subscribe"] == {**expected, "was_recovering": True}


def test_too_much_missed_is_unrecovered() -> None:
    world = World(limits=Limits(recovery_publications_max=3))
    for n in range(5):
        world.publish("orders", n)
    (reply,) = recover(world.client().connect(), 1, epoch_of(world))
    assert "recovered" not in reply["subscribe"]
    assert reply["subscribe"]["offset"] == 5


def test_channels_without_recovery_ignore_the_request(world: World) -> None:
    (reply,) = world.client().connect().ask({"id": 2, "subscribe": {"channel": "chat", "recover": True}})
    assert reply == {"id": 2, "subscribe": {}}


def test_live_publications_during_the_read_are_merged(world: World) -> None:
    for n in range(1, 4):
        world.publish("orders", n)
    world.broker.holds_history = True
    client = world.client().connect()
    assert recover(client, 1, epoch_of(world)) == []
    world.publish("orders", 4)
    world.broker.history_reads[0]()
    world.broker.history_reads[0]()
    world.clock.settle()
    (reply,) = client.received()
    assert [item["offset"] for item in reply["subscribe"]["publications"]] == [2, 3, 4]
    world.publish("orders", 5)
    assert client.received()[0]["push"]["pub"]["offset"] == 5


@pytest.mark.parametrize(("offset", "epoch"), [(5, None), (4, "other")])
def test_a_gap_between_history_and_live_ends_the_connection(world: World, offset: int, epoch: str | None) -> None:
    for n in range(1, 4):
        world.publish("orders", n)
    world.broker.holds_history = True
    client = world.client().connect()
    recover(client, 1, epoch_of(world))
    world.node.deliver("orders", StoredPublication(b"9", offset, epoch or epoch_of(world)))
    world.broker.history_reads[0]()
    world.clock.settle()
    assert client.close_code == 3010


def test_live_publications_before_a_fresh_position_follow_the_reply(world: World) -> None:
    world.broker.holds_history = True
    client = world.client().connect()
    client.ask({"id": 2, "subscribe": {"channel": "orders"}})
    world.publish("orders", 1)
    world.publish("orders", 2)
    world.broker.history_reads[0]()
    world.clock.settle()
    reply, *pushes = client.received()
    assert "offset" not in reply["subscribe"]
    assert [push["push"]["pub"]["offset"] for push in pushes] == [1, 2]


def test_a_gap_right_after_the_reply_is_noticed(world: World) -> None:
    world.broker.holds_history = True
    client = world.client().connect()
    client.ask({"id": 2, "subscribe": {"channel": "orders"}})
    for offset in (3, 4):
        world.node.deliver("orders", StoredPublication(b"9", offset, epoch_of(world)))
    world.broker.history_reads[0]()
    world.clock.settle()
    _, push = client.received()
    assert push["push"]["unsubscribe"]["code"] == 2500


def test_a_history_that_cannot_be_read_is_a_temporary_error(world: World) -> None:
    world.broker.holds_history = True
    client = world.client().connect()
    client.ask({"id": 2, "subscribe": {"channel": "orders"}})
    subscription = client.session.subscription("orders")
    assert subscription is not None
    subscription._positioned(BrokerFailure("down"))
    world.clock.settle()
    assert client.received()[0]["error"]["code"] == 100
