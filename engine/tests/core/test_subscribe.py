"""Subscribing and unsubscribing: validation, order, late decisions, delivery, gaps, presence."""

import pytest

from engine.tests.core.world import RECOVERABLE, Message, World
from vola.core.limits import Limits
from vola.core.ports import Allowed, BrokerFailure, ChannelRules, Denied, StoredPublication
from vola.errors import (
    DISCONNECT_PERMISSION_DENIED,
    ERROR_PERMISSION_DENIED,
    UNSUBSCRIBE_INSUFFICIENT_STATE,
    UNSUBSCRIBE_SERVER,
)


def subscribe(channel: str, command_id: int = 2, **fields: object) -> Message:
    return {"id": command_id, "subscribe": {"channel": channel, **fields}}


def error_code(messages: list[Message]) -> int:
    code: int = messages[0]["error"]["code"]
    return code


def test_a_subscriber_gets_what_is_published(world: World) -> None:
    client = world.client().connect()
    assert client.ask(subscribe("news")) == [{"id": 2, "subscribe": {}}]
    world.publish("news", {"a": 1}, tags={"k": "v"})
    assert client.received() == [{"push": {"channel": "news", "pub": {"data": {"a": 1}, "tags": {"k": "v"}}}}]
    assert client.ask({"id": 3, "unsubscribe": {"channel": "news"}}) == [{"id": 3, "unsubscribe": {}}]
    world.publish("news", 2)
    assert client.received() == []
    assert world.broker.unsubscribed == ["news"]


def test_a_publication_is_encoded_once_for_all(world: World) -> None:
    clients = [world.client().connect() for _ in range(3)]
    for client in clients:
        client.ask(subscribe("news"))
    world.publish("news", 1)
    assert clients[0].wire.frames[0] is clients[1].wire.frames[0] is clients[2].wire.frames[0]


def test_unsubscribe_is_idempotent(world: World) -> None:
    client = world.client().connect()
    assert client.ask({"id": 3, "unsubscribe": {"channel": "news"}}) == [{"id": 3, "unsubscribe": {}}]


@pytest.mark.parametrize(
    ("channel", "fields", "code"),
    [
        ("x" * 256, {}, 107),
        ("nöws", {}, 107),
        ("unknown", {}, 102),
        ("broken", {}, 102),
        ("news", {"type": 1}, 107),
        ("news", {"tf": {"cmp": "eq"}}, 107),
    ],
)
def test_a_bad_subscribe_gets_its_error(world: World, channel: str, fields: Message, code: int) -> None:
    assert error_code(world.client().connect().ask(subscribe(channel, **fields))) == code
    assert world.node.snapshot().errors == {code: 1}


def test_a_second_subscribe_is_refused_also_while_the_first_is_decided(world: World) -> None:
    client = world.client().connect()
    client.ask(subscribe("news"))
    assert error_code(client.ask(subscribe("news", 3))) == 105
    world.directory.holds = True
    client.ask(subscribe("chat", 4))
    assert error_code(client.ask(subscribe("chat", 5))) == 105


def test_the_number_of_channels_is_limited() -> None:
    world = World(limits=Limits(channels_per_client_max=2))
    world.directory.rules |= {str(n): ChannelRules() for n in range(3)}
    client = world.client().connect()
    client.ask(subscribe("0", 2))
    client.ask(subscribe("1", 3))
    assert error_code(client.ask(subscribe("2", 4))) == 106
    client.ask({"id": 5, "unsubscribe": {"channel": "0"}})
    assert client.ask(subscribe("2", 6)) == [{"id": 6, "subscribe": {}}]


def test_what_the_directory_says_reaches_the_client(world: World) -> None:
    client = world.client().connect("ann")
    world.directory.answer = Denied(ERROR_PERMISSION_DENIED)
    assert error_code(client.ask(subscribe("news", data={"q": 1}))) == 103
    assert world.directory.asked[0][1:] == ("ann", "news", b'{"q": 1}')
    world.directory.answer = Allowed(data=b'{"hello":\n1}')
    assert client.ask(subscribe("news", 3)) == [{"id": 3, "subscribe": {"data": {"hello": 1}}}]
    world.directory.answer = Denied(DISCONNECT_PERMISSION_DENIED)
    client.ask(subscribe("chat", 4))
    assert client.close_code == 3507


def test_a_failing_directory_is_never_a_yes(world: World) -> None:
    world.directory.fails = True
    assert error_code(world.client().connect().ask(subscribe("news"))) == 100
    assert world.node.snapshot().faults == {"authorize": 1}


def test_a_late_decision_counts_once(world: World) -> None:
    world.directory.holds = True
    client = world.client().connect()
    assert client.ask(subscribe("news")) == []
    world.directory.held[0](Allowed())
    world.directory.held[0](Denied(ERROR_PERMISSION_DENIED))
    world.clock.settle()
    assert client.received() == [{"id": 2, "subscribe": {}}]


def test_a_disconnect_during_authorisation_leaves_nothing(world: World) -> None:
    world.directory.holds = True
    client = world.client().connect()
    client.ask(subscribe("news"))
    client.session.transport_lost()
    world.directory.held[0](Allowed())
    world.clock.settle()
    snapshot = world.node.snapshot()
    assert (snapshot.connections, snapshot.subscriptions, snapshot.channels) == (0, 0, 0)


def test_unsubscribe_and_subscribe_never_overtake_a_subscribe_in_flight(world: World) -> None:
    world.directory.holds = True
    client = world.client().connect()
    client.send(subscribe("news"), {"id": 3, "unsubscribe": {"channel": "news"}}, subscribe("news", 4))
    client.send({"id": 5, "unsubscribe": {"channel": "news"}})
    assert client.received() == []
    world.directory.held[0](Allowed())
    world.clock.settle()
    assert client.received() == [{"id": 2, "subscribe": {}}, {"id": 3, "unsubscribe": {}}]
    world.directory.held[1](Allowed())
    world.clock.settle()
    assert client.received() == [{"id": 4, "subscribe": {}}, {"id": 5, "unsubscribe": {}}]
    assert world.node.snapshot().subscriptions == 0


def test_pings_go_on_while_a_subscribe_is_decided() -> None:
    world = World(limits=Limits(decision_timeout_s=30.0))
    world.directory.holds = True
    client = world.client().connect()
    client.ask(subscribe("news"))
    world.clock.advance(13)
    assert client.ask({}) == [{}]
    world.clock.advance(18)
    assert error_code([message for message in client.received() if message]) == 100


def test_what_nobody_listens_to_goes_nowhere(world: World) -> None:
    world.node.deliver("news", StoredPublication(b"1"))
    assert world.node.snapshot().publications_out == 0


def test_commands_behind_a_subscribe_in_flight_are_bounded() -> None:
    world = World(limits=Limits(pipelined_commands_max=2))
    world.directory.holds = True
    client = world.client().connect()
    client.send(subscribe("news"), *({"id": 3 + n, "unsubscribe": {"channel": "news"}} for n in range(3)))
    assert client.close_code == 3013


def test_commands_behind_a_subscribe_end_with_the_connection(world: World) -> None:
    world.directory.holds = True
    client = world.client().connect()
    client.send(subscribe("news"), {"id": 3, "unsubscribe": {"channel": "news"}})
    world.directory.held[0](Denied(DISCONNECT_PERMISSION_DENIED))
    assert client.close_code == 3507
    assert client.received() == []


def test_a_decision_that_takes_too_long_is_a_temporary_error(world: World) -> None:
    world.directory.holds = True
    client = world.client().connect()
    client.ask(subscribe("news"))
    client.ask(subscribe("chat", 3))
    world.clock.advance(2)
    assert client.received() == []
    world.clock.advance(2.5)
    replies = client.received()
    assert [reply["error"] for reply in replies] == [
        {"code": 100, "message": "internal server error", "temporary": True}
    ] * 2
    world.directory.held[0](Allowed())
    world.clock.settle()
    assert client.received() == []
    assert client.close_code is None


def test_an_unsubscribe_that_waits_too_long_ends_the_connection() -> None:
    world = World(limits=Limits(decision_timeout_s=20.0))
    world.directory.holds = True
    client = world.client().connect()
    client.send(subscribe("news"), subscribe("chat", 4), {"id": 3, "unsubscribe": {"channel": "news"}})
    world.clock.advance(4.5)
    assert client.close_code is None
    world.clock.advance(1)
    assert client.close_code == 3004


def test_the_server_ends_a_subscription(world: World) -> None:
    client = world.client().connect("ann")
    client.ask(subscribe("news"))
    assert world.node.unsubscribe_user("ann", channel="news") == 1
    world.clock.settle()
    push = {"channel": "news", "unsubscribe": {"code": 2000, "reason": "server unsubscribe"}}
    assert client.received() == [{"push": push}]
    assert world.node.unsubscribe_user("ann", channel="news") == 0
    world.directory.holds = True
    client.ask(subscribe("news", 3))
    assert world.node.unsubscribe_user("ann", channel="news", reason=UNSUBSCRIBE_SERVER) == 1
    world.clock.settle()
    assert error_code(client.received()) == 103


def test_ending_twice_says_it_once(world: World) -> None:
    client = world.client().connect("ann")
    client.ask(subscribe("news"))
    subscription = client.session.subscription("news")
    assert subscription is not None
    for _ in range(2):
        subscription.unsubscribe(UNSUBSCRIBE_INSUFFICIENT_STATE)
    subscription.check_deadline(1e9)
    world.clock.settle()
    assert len(client.received()) == 1


# The broker's part ----------------------------------------------------------------------------------------------------


def test_subscribers_wait_for_the_broker_together(world: World) -> None:
    world.broker.holds_subscribe = True
    first, second = world.client().connect(), world.client().connect()
    first.ask(subscribe("news"))
    second.ask(subscribe("news"))
    world.publish("news", 1)
    ((_, done),) = world.broker.subscribes
    done(None)
    done(None)
    world.clock.settle()
    expected = [{"id": 2, "subscribe": {}}, {"push": {"channel": "news", "pub": {"data": 1}}}]
    assert first.received() == second.received() == expected


def test_a_broker_that_fails_is_a_temporary_error(world: World) -> None:
    world.broker.holds_subscribe = True
    client = world.client().connect()
    client.ask(subscribe("news"))
    world.broker.subscribes[0][1](BrokerFailure("down"))
    world.clock.settle()
    assert error_code(client.received()) == 100
    assert world.node.snapshot().channels == 0


def test_the_broker_s_answer_comes_after_everybody_left(world: World) -> None:
    world.broker.holds_subscribe = True
    gone, back = world.client().connect(), world.client().connect()
    gone.ask(subscribe("news"))
    gone.session.transport_lost()
    back.ask(subscribe("news"))
    world.broker.subscribes[0][1](None)
    world.clock.settle()
    assert back.received() == []
    world.broker.subscribes[1][1](None)
    world.clock.settle()
    assert back.received() == [{"id": 2, "subscribe": {}}]


def test_one_of_two_leaves_while_the_broker_subscribes(world: World) -> None:
    world.broker.holds_subscribe = True
    gone, stays = world.client().connect(), world.client().connect()
    gone.ask(subscribe("news"))
    stays.ask(subscribe("news"))
    gone.session.transport_lost()
    world.broker.subscribes[0][1](None)
    world.clock.settle()
    assert stays.received() == [{"id": 2, "subscribe": {}}]
    assert world.node.snapshot().subscriptions == 1


def test_too_much_arrives_while_a_subscription_is_set_up() -> None:
    world = World(limits=Limits(join_buffer_publications_max=2))
    world.broker.holds_history = True
    client = world.client().connect()
    client.ask(subscribe("orders"))
    for n in range(3):
        world.publish("orders", n)
    assert error_code(client.received()) == 100
    world.broker.history_reads[0]()
    world.clock.settle()
    assert client.received() == []


# Positions ------------------------------------------------------------------------------------------------------------


def test_the_first_offset_carries_the_epoch(world: World) -> None:
    client = world.client().connect()
    (reply,) = client.ask(subscribe("orders"))
    epoch = reply["subscribe"]["epoch"]
    assert reply["subscribe"] == {"recoverable": True, "positioned": True, "epoch": epoch}
    world.publish("orders", 1)
    world.publish("orders", 2)
    first, second = (message["push"]["pub"] for message in client.received())
    assert first == {"data": 1, "offset": 1, "epoch": epoch}
    assert second == {"data": 2, "offset": 2}


@pytest.mark.parametrize(("offset", "epoch"), [(3, None), (2, "other")])
def test_a_gap_or_another_epoch_makes_the_client_recover(world: World, offset: int, epoch: str | None) -> None:
    client = world.client().connect()
    (reply,) = client.ask(subscribe("orders"))
    world.publish("orders", 1)
    client.received()
    epoch = epoch or reply["subscribe"]["epoch"]
    world.node.deliver("orders", StoredPublication(b"9", offset, epoch))
    world.clock.settle()
    push = {"channel": "orders", "unsubscribe": {"code": 2500, "reason": "insufficient state"}}
    assert client.received() == [{"push": push}]
    assert world.node.snapshot().unsubscribes == {2500: 1}


def test_a_duplicate_is_skipped(world: World) -> None:
    client = world.client().connect()
    (reply,) = client.ask(subscribe("orders"))
    world.publish("orders", 1)
    world.node.deliver("orders", StoredPublication(b"1", 1, reply["subscribe"]["epoch"]))
    world.clock.settle()
    assert len(client.received()) == 1


def test_the_position_check_finds_a_lost_publication(world: World) -> None:
    healthy, deaf = world.client().connect(), world.client().connect()
    world.directory.rules["other"] = RECOVERABLE
    healthy.ask(subscribe("other"))
    deaf.ask(subscribe("orders"))
    plain = world.client().connect()
    plain.ask(subscribe("news"))
    world.broker.unsubscribe("orders")  # deliveries are lost from here on
    world.publish("orders", 1)
    world.publish("other", 1)
    healthy.received()
    for _ in range(12):
        world.clock.advance(4)
        for client in (healthy, deaf, plain):
            if {} in client.received():
                client.send({})
    assert world.node.snapshot().unsubscribes == {2500: 1}
    assert deaf.session.subscriptions == {}
    assert healthy.session.subscription("other") is not None


def test_the_position_check_takes_channels_in_slices_and_survives_a_failing_broker(world: World) -> None:
    client = world.client().connect()
    world.directory.rules |= {f"c{n}": RECOVERABLE for n in range(3)}
    for n in range(3):
        client.ask(subscribe(f"c{n}", 2 + n))
    streams = world.node.hub.streams() * 100
    world.node._check_positions(streams)
    world.clock.settle()
    subscription = client.session.subscription("c0")
    assert subscription is not None
    world.node._compare_positions({subscription: 0}, BrokerFailure("down"))
    assert world.node.snapshot().unsubscribes == {}


# Presence -------------------------------------------------------------------------------------------------------------


def test_presence_joins_and_leaves(world: World) -> None:
    world.directory.rules["room"] = ChannelRules(presence=True, join_leave=True)
    world.directory.answer = Allowed(info=b'{"seat":3}')
    ann, bob = world.client().connect("ann"), world.client().connect("bob")
    ann.ask(subscribe("room"))
    bob.send(subscribe("room"))
    info = {"user": "bob", "client": "client-2", "conn_info": {"name": "x"}, "chan_info": {"seat": 3}}
    assert bob.received() == [{"id": 2, "subscribe": {}}, {"push": {"channel": "room", "join": {"info": info}}}]
    assert ann.received() == [{"push": {"channel": "room", "join": {"info": info}}}]
    presence = ann.ask({"id": 3, "presence": {"channel": "room"}})[0]["presence"]["presence"]
    assert presence["client-2"] == info
    assert set(presence) == {"client-1", "client-2"}
    bob.session.transport_lost()
    world.clock.settle()
    assert ann.received() == [{"push": {"channel": "room", "leave": {"info": info}}}]
    stats = ann.ask({"id": 4, "presence_stats": {"channel": "room"}})
    assert stats == [{"id": 4, "presence_stats": {"num_clients": 1, "num_users": 1}}]


def test_presence_alone_tells_nobody(world: World) -> None:
    world.directory.rules["room"] = ChannelRules(presence=True)
    world.directory.rules["hall"] = ChannelRules(join_leave=True)
    ann, bob = world.client().connect("ann"), world.client().connect("bob")
    for command_id, channel in enumerate(("room", "hall"), start=2):
        ann.ask(subscribe(channel, command_id))
    bob.ask(subscribe("room"))
    bob.session.transport_lost()
    world.clock.settle()
    assert ann.received() == []
    assert "join" in world.client().connect().ask(subscribe("hall"))[1]["push"]


def test_a_shutdown_does_not_tell_everybody_of_everybody(world: World) -> None:
    world.directory.rules["hall"] = ChannelRules(join_leave=True)
    clients = [world.client().connect() for _ in range(3)]
    for client in clients:
        client.ask(subscribe("hall"))
    clients[2].received()
    world.node.close_all()
    assert not any("leave" in message.get("push", {}) for client in clients for message in client.received())


def test_joins_reach_live_subscribers_only(world: World) -> None:
    world.directory.rules["room"] = ChannelRules(history_size=5, history_ttl_s=5, recoverable=True, join_leave=True)
    ann, bob = world.client().connect("ann"), world.client().connect("bob")
    bob.ask(subscribe("room"))
    world.broker.holds_history = True
    ann.ask(subscribe("room"))
    bob.session.transport_lost()
    world.clock.settle()
    assert ann.received() == []
