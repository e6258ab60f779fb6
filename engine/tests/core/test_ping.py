"""Pings: spread at first, then regular; every pong belongs to a ping. Slow clients."""

from engine.tests.core.world import World
from vola.core.limits import Limits


def test_ping_comes_and_pong_keeps_the_connection(world: World) -> None:
    client = world.client().connect()
    for elapsed_s in (12.5, 25.0, 25.0, 25.0):
        world.clock.advance(elapsed_s + 0.3)
        assert client.received() == [{}]
        client.send({})
        world.clock.advance(-0.3 + 0.3)
    assert client.close_code is None


def test_no_pong_in_time_ends_the_connection(world: World) -> None:
    client = world.client().connect()
    world.clock.advance(13)
    assert client.received() == [{}]
    world.clock.advance(7)
    assert client.session.is_open
    world.clock.advance(2)
    closed_with = client.close_code
    world.clock.advance(60)
    assert (closed_with, world.clock.timer_count) == (3012, 0)


def test_an_unasked_pong_is_a_bad_request(world: World) -> None:
    client = world.client().connect()
    client.send({})
    assert client.close_code == 3501


def test_two_pongs_for_one_ping_are_a_bad_request(world: World) -> None:
    client = world.client().connect()
    world.clock.advance(13)
    client.send({}, {})
    assert client.close_code == 3501


def test_other_traffic_is_no_pong(world: World) -> None:
    client = world.client().connect()
    world.clock.advance(13)
    for _ in range(9):
        client.send({"id": 5, "rpc": {"method": "echo"}})
        world.clock.advance(1)
    assert client.close_code == 3012


def test_idle_connections_share_one_timer(world: World) -> None:
    for _ in range(50):
        world.client().connect()
    assert world.clock.timer_count == 1


def test_a_client_that_takes_nothing_is_slow() -> None:
    world = World(limits=Limits(queue_max_bytes=1_000, latest_backlog_max_bytes=100))
    client = world.client().connect()
    client.wire.buffered = 990
    client.send({"id": 2, "rpc": {"method": "echo", "data": "x" * 50}})
    assert client.close_code == 3008
    assert client.received() == []


def test_one_burst_over_the_queue_limit_is_slow() -> None:
    world = World(limits=Limits(queue_max_bytes=1_000))
    client = world.client().connect()
    client.send(*({"id": 2 + n, "rpc": {"method": "echo", "data": "x" * 300}} for n in range(5)))
    assert client.close_code == 3008


def test_a_close_that_finds_the_client_slow_says_slow() -> None:
    world = World(limits=Limits(queue_max_bytes=1_000))
    client = world.client().connect()
    client.wire.buffered = 990
    client.send({"id": 2, "rpc": {"method": "echo", "data": "x" * 50}}, {"send": {}})
    assert client.close_code == 3008
    client.session.close(client.wire.closed)  # type: ignore[arg-type]
    assert world.node.snapshot().disconnects == {3008: 1}


def test_replies_of_one_turn_leave_in_one_frame(world: World) -> None:
    client = world.client().connect()
    client.send(*({"id": 2 + n, "rpc": {"method": "echo", "data": n}} for n in range(5)))
    assert len(client.wire.frames) == 1
    assert len(client.received()) == 5


def test_queued_messages_go_before_the_close(world: World) -> None:
    client = world.client().connect()
    client.send({"id": 2, "rpc": {"method": "echo", "data": 1}}, {"send": {}})
    assert client.close_code == 3508
    assert client.received() == [{"id": 2, "rpc": {"data": 1}}]
