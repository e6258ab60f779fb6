"""Publish, history, presence, rpc and what is not offered."""

import pytest

from engine.tests.core.world import Message, World
from vola.core.limits import Limits
from vola.core.ports import Allowed, BrokerFailure, ChannelRules, Denied, Principal
from vola.errors import (
    DISCONNECT_PERMISSION_DENIED,
    ERROR_METHOD_NOT_FOUND,
    ERROR_PERMISSION_DENIED,
    PayloadNotJson,
    UnknownChannel,
)


def code_of(messages: list[Message]) -> int:
    code: int = messages[0]["error"]["code"]
    return code


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"publish": {"channel": "unknown", "data": 1}}, 102),
        ({"publish": {"channel": "news"}}, 107),
        ({"publish": {"channel": "long" * 64, "data": 1}}, 107),
        ({"publish": {"channel": "naïve", "data": 1}}, 107),
        ({"history": {"channel": "naïve"}}, 107),
        ({"presence": {"channel": "naïve"}}, 107),
        ({"presence_stats": {"channel": "naïve"}}, 107),
        ({"history": {"channel": "news"}}, 108),
        ({"history": {"channel": "unknown"}}, 102),
        ({"history": {"channel": "chat", "reverse": True, "since": {"offset": 0}}}, 107),
        ({"history": {"channel": "chat", "since": {"offset": 1, "epoch": "lost"}}}, 112),
        ({"presence": {"channel": "news"}}, 108),
        ({"presence": {"channel": "unknown"}}, 102),
        ({"presence_stats": {"channel": "news"}}, 108),
        ({"presence_stats": {"channel": "unknown"}}, 102),
        ({"ping": {}}, 108),
        ({"refresh": {"token": "x"}}, 108),
        ({"sub_refresh": {"channel": "news", "token": "x"}}, 108),
        ({"rpc": {"method": "fail"}}, 100),
    ],
)
def test_a_command_gets_its_error(world: World, command: Message, code: int) -> None:
    client = world.client().connect()
    assert code_of(client.ask({"id": 2, **command})) == code
    assert client.close_code is None
    assert client.session.in_flight == 0


@pytest.mark.parametrize(
    "command",
    [
        {"publish": {"channel": "news", "data": 1}},
        {"history": {"channel": "chat"}},
        {"presence": {"channel": "room"}},
        {"presence_stats": {"channel": "room"}},
    ],
)
def test_what_is_not_allowed_is_not_done(world: World, command: Message) -> None:
    world.directory.rules["room"] = ChannelRules(presence=True)
    world.directory.answer = Denied(ERROR_PERMISSION_DENIED)
    assert code_of(world.client().connect().ask({"id": 2, **command})) == 103
    world.directory.answer = Denied(DISCONNECT_PERMISSION_DENIED)
    client = world.client().connect()
    client.ask({"id": 2, **command})
    assert client.close_code == 3507


def test_a_publisher_gets_its_own_publication_with_its_info(world: World) -> None:
    client = world.client().connect("ann")
    world.directory.answer = Allowed(info=b'"here"')
    client.ask({"id": 2, "subscribe": {"channel": "chat"}})
    push, reply = client.ask({"id": 3, "publish": {"channel": "chat", "data": {"n": 1}}})
    info = {"user": "ann", "client": "client-1", "conn_info": {"name": "x"}, "chan_info": "here"}
    assert push["push"]["pub"] == {"data": {"n": 1}, "info": info, "offset": 1, "epoch": "epoch002"}
    assert reply == {"id": 3, "publish": {}}


def test_who_is_gone_publishes_nothing_any_more(world: World) -> None:
    world.directory.holds = True
    client, watcher = world.client().connect(), world.client().connect()
    client.ask({"id": 2, "publish": {"channel": "news", "data": 1}})
    client.session.transport_lost()
    world.directory.held[0](Allowed())
    assert world.node.snapshot().publications_in == 0
    assert client.session.in_flight == 0
    assert watcher.received() == []


def test_who_is_gone_reads_nothing_any_more(world: World) -> None:
    world.directory.holds = True
    client = world.client().connect()
    client.ask({"id": 2, "history": {"channel": "chat", "limit": 1}})
    client.session.transport_lost()
    world.directory.held[0](Allowed())
    assert client.session.in_flight == 0


def test_a_second_decision_publishes_nothing_twice(world: World) -> None:
    world.directory.holds = True
    client = world.client().connect()
    client.ask({"id": 2, "publish": {"channel": "news", "data": 1}})
    for _ in range(2):
        world.directory.held[0](Allowed())
    assert world.node.snapshot().publications_in == 1


def test_publications_keep_their_order_however_late_each_is_allowed(world: World) -> None:
    watcher, client = world.client().connect(), world.client().connect()
    for channel in ("news", "chat"):
        watcher.ask({"id": 2, "subscribe": {"channel": channel}})
    world.directory.holds = True
    client.send(*({"id": n, "publish": {"channel": "news", "data": n}} for n in (2, 3, 4, 5)))
    client.send({"id": 6, "publish": {"channel": "chat", "data": 6}})
    first, second, third, fourth, elsewhere = world.directory.held
    for decide in (fourth, second, elsewhere):
        decide(Allowed())
    world.clock.settle()
    assert [message["push"]["pub"]["data"] for message in watcher.received()] == [6]
    first(Denied(ERROR_PERMISSION_DENIED))
    third(Allowed())
    world.clock.settle()
    assert [message["push"]["pub"]["data"] for message in watcher.received()] == [3, 4, 5]
    assert [reply["id"] for reply in client.received()] == [6, 2, 3, 4, 5]
    assert (client.session.in_flight, client.session.publishing) == (0, {})


def test_what_follows_a_subscribe_in_flight_waits_for_it(world: World) -> None:
    world.directory.rules["room"] = ChannelRules(presence=True)
    world.directory.holds = True
    client = world.client().connect()
    subscribe = {"channel": "room"}
    client.send({"id": 2, "subscribe": subscribe}, {"id": 3, "publish": {"channel": "room", "data": 1}})
    client.send({"id": 4, "presence": subscribe}, {"id": 5, "subscribe": subscribe})
    assert code_of(client.received()) == 105
    world.directory.holds = False
    world.directory.held[0](Allowed())
    world.clock.settle()
    subscribed, pushed, published, present = client.received()
    assert (subscribed, published) == ({"id": 2, "subscribe": {}}, {"id": 3, "publish": {}})
    assert pushed["push"]["pub"]["data"] == 1
    assert list(present["presence"]["presence"]) == ["client-1"]
    assert client.session.in_flight == 0


def test_history_is_read_in_both_directions(world: World) -> None:
    for n in range(1, 6):
        world.publish("chat", n)
    client = world.client().connect()

    def read(**fields: object) -> list[int]:
        (reply,) = client.ask({"id": 2, "history": {"channel": "chat", **fields}})
        assert reply["history"]["offset"] == 5
        assert reply["history"]["epoch"]
        return [item["data"] for item in reply["history"]["publications"]]

    assert read() == []
    assert read(limit=-1) == [1, 2, 3, 4, 5]
    assert read(limit=2) == [1, 2]
    assert read(limit=2, reverse=True) == [5, 4]
    assert read(limit=10, since={"offset": 3}) == [4, 5]
    assert read(limit=10, since={"offset": 3}, reverse=True) == [2, 1]


def test_one_history_answer_is_bounded() -> None:
    world = World(limits=Limits(history_publications_max=3))
    for n in range(5):
        world.publish("chat", n)
    for limit in (-1, 100):
        (reply,) = world.client().connect().ask({"id": 2, "history": {"channel": "chat", "limit": limit}})
        assert len(reply["history"]["publications"]) == 3


def test_zero_counts_are_emitted(world: World) -> None:
    world.directory.rules["room"] = ChannelRules(presence=True)
    client = world.client().connect()
    assert client.ask({"id": 2, "presence": {"channel": "room"}}) == [{"id": 2, "presence": {"presence": {}}}]
    stats = client.ask({"id": 3, "presence_stats": {"channel": "room"}})
    assert stats == [{"id": 3, "presence_stats": {"num_clients": 0, "num_users": 0}}]
    history = client.ask({"id": 4, "history": {"channel": "chat"}})[0]["history"]
    assert (history["publications"], history["offset"]) == ([], 0)


def test_a_broker_that_fails_is_a_temporary_error(world: World) -> None:
    world.directory.rules["room"] = ChannelRules(presence=True)
    client = world.client().connect()
    failure = BrokerFailure("down")
    world.node.presence.read = lambda channel, done: done(failure)  # type: ignore[method-assign]
    world.node.presence.count = lambda channel, done: done(failure)  # type: ignore[method-assign]
    world.node.broker.history = lambda channel, query, done: done(failure)  # type: ignore[method-assign]
    world.node.broker.publish = lambda channel, data, options, done: done(failure)  # type: ignore[method-assign]
    for command in (
        {"presence": {"channel": "room"}},
        {"presence_stats": {"channel": "room"}},
        {"history": {"channel": "chat", "limit": 1}},
        {"publish": {"channel": "news", "data": 1}},
    ):
        assert code_of(client.ask({"id": 2, **command})) == 100


def test_answers_to_a_client_that_left_go_nowhere(world: World) -> None:
    world.directory.rules["room"] = ChannelRules(presence=True)
    asked: list[object] = []
    client = world.client().connect()
    presence, broker = world.node.presence, world.node.broker
    presence.read = lambda channel, done: asked.append(lambda: done({}))  # type: ignore[method-assign]
    presence.count = lambda channel, done: asked.append(lambda: done((0, 0)))  # type: ignore[method-assign]
    original = broker.history
    broker.history = lambda channel, query, done: asked.append(lambda: original(channel, query, done))  # type: ignore[method-assign]
    publish = broker.publish
    broker.publish = lambda *args: asked.append(lambda: publish(*args))  # type: ignore[method-assign]
    client.send(
        {"id": 2, "presence": {"channel": "room"}},
        {"id": 3, "presence_stats": {"channel": "room"}},
        {"id": 4, "history": {"channel": "chat", "limit": 1}},
        {"id": 5, "publish": {"channel": "news", "data": 1}},
    )
    client.session.transport_lost()
    for answer in asked:
        assert callable(answer)
        answer()
    world.clock.settle()
    assert len(asked) == 4
    assert client.received() == []


# Calls ----------------------------------------------------------------------------------------------------------------


def test_a_call_is_answered_with_its_raw_result(world: World) -> None:
    client = world.client().connect()
    client.send_raw(b'{"id":2,"rpc":{"method":"echo","data":{"a":  [1.50, "\xc3\xa9"]}}}')
    assert client.wire.frames[-1] == b'{"id":2,"rpc":{"data":{"a":  [1.50, "\xc3\xa9"]}}}'
    client.received()
    assert client.ask({"id": 3, "rpc": {"method": "echo"}}) == [{"id": 3, "rpc": {}}]


def test_late_and_double_answers_are_harmless(world: World) -> None:
    client = world.client().connect()
    client.send(*({"id": 2 + n, "rpc": {"method": "wait"}} for n in range(3)))
    first, second, third = world.methods.waiting
    second.error(ERROR_METHOD_NOT_FOUND)
    second.result(b"1")
    first.result(b"1\n")
    first.error(ERROR_METHOD_NOT_FOUND)
    world.clock.settle()
    error = {"code": 104, "message": "method not found"}
    assert client.received() == [{"id": 3, "error": error}, {"id": 2, "rpc": {"data": 1}}]
    client.session.transport_lost()
    third.result(b"1")
    third.error(ERROR_METHOD_NOT_FOUND)
    assert client.session.in_flight == 0


def test_a_result_that_is_no_json_is_an_internal_error(world: World) -> None:
    client = world.client().connect()
    client.send({"id": 2, "rpc": {"method": "wait"}})
    world.methods.waiting[0].result(b"{} {}")
    world.clock.settle()
    assert code_of(client.received()) == 100
    assert world.node.snapshot().faults == {"rpc_result": 1}


def test_without_methods_calls_are_not_available() -> None:
    assert code_of(World(has_methods=False).client().connect().ask({"id": 2, "rpc": {"method": "x"}})) == 108


def test_commands_in_flight_are_bounded() -> None:
    world = World(limits=Limits(in_flight_max=2))
    client = world.client().connect()
    client.send(*({"id": 2 + n, "rpc": {"method": "wait"}} for n in range(3)))
    assert client.received()[0] == {
        "id": 4,
        "error": {"code": 111, "message": "too many requests", "temporary": True},
    }
    assert code_of(client.ask({"id": 9, "publish": {"channel": "news", "data": 1}})) == 111
    world.methods.waiting[0].result(b"")
    assert client.ask({"id": 10, "rpc": {"method": "echo"}})[-1] == {"id": 10, "rpc": {}}


def test_send_is_not_available(world: World) -> None:
    client = world.client().connect()
    client.send({"send": {"data": 1}})
    assert client.close_code == 3508


# The server's own publications ----------------------------------------------------------------------------------------


def test_the_server_publishes_json_to_declared_channels_only(world: World) -> None:
    with pytest.raises(UnknownChannel) as unknown:
        world.node.publish("unknown", b"1")
    assert "unknown" in str(unknown.value)
    for data in (b"", b"nope", b"1 2", b'"\xff"'):
        with pytest.raises(PayloadNotJson):
            world.node.publish("news", data)
    assert world.node.snapshot().publications_in == 0


def test_newlines_in_payloads_never_reach_the_wire(world: World) -> None:
    client = world.client().connect()
    client.ask({"id": 2, "subscribe": {"channel": "news"}})
    world.node.publish("news", b'{\n"a": "x\\ny"\n}')
    world.clock.settle()
    assert client.wire.frames == [b'{"push":{"channel":"news","pub":{"data":{"a": "x\\ny"}}}}']


def test_anonymous_clients_are_nobody_s(world: World) -> None:
    world.doorman.answer = Principal("")
    client = world.client().connect()
    assert list(world.node.hub.sessions_of("")) == []
    client.session.transport_lost()
