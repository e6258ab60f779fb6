"""Connecting: once, first, in time; and what happens to commands sent along with it."""

from engine.tests.core.world import Message, World
from vola.core.limits import Limits
from vola.core.ports import Principal
from vola.errors import DISCONNECT_INVALID_TOKEN, ERROR_TOKEN_EXPIRED


def test_connect_answers_with_client_id_and_ping_interval(world: World) -> None:
    client = world.client()
    reply = client.ask({"id": 1, "connect": {"token": "ann", "data": {"a": 1}, "name": "js" * 20, "flag": 7}})
    assert reply == [{"id": 1, "connect": {"client": "client-1", "version": "test", "ping": 25, "pong": True}}]
    attempt = world.doorman.attempts[0]
    assert (attempt.token, attempt.data, attempt.client_id) == ("ann", b'{"a": 1}', "client-1")
    assert len(attempt.name) == 16
    assert attempt.handshake.headers == {"origin": "http://test"}
    assert client.session.handshake is None
    assert client.session.subject == ("subject", "ann")


def test_second_connect_is_a_bad_request(world: World) -> None:
    client = world.client().connect()
    client.send({"id": 2, "connect": {}})
    assert client.close_code == 3501


def test_second_connect_while_the_first_is_decided_is_a_bad_request(world: World) -> None:
    world.doorman.holds = True
    client = world.client()
    client.send({"id": 1, "connect": {}}, {"id": 2, "connect": {}})
    assert client.close_code == 3501


def test_any_other_first_command_is_a_bad_request(world: World) -> None:
    commands: list[Message] = [{"id": 1, "rpc": {}}, {}, {"connect": {}}, {"id": 1}]
    for command in commands:
        client = world.client()
        client.send(command)
        assert client.close_code == 3501


def test_commands_sent_along_wait_for_the_connect(world: World) -> None:
    world.doorman.holds = True
    client = world.client()
    client.send({"id": 1, "connect": {"token": "a"}}, {"id": 2, "subscribe": {"channel": "news"}})
    client.send({"id": 3, "rpc": {"method": "echo", "data": 5}})
    assert client.received() == []
    world.doorman.held[0](Principal("ann"))
    world.doorman.held[0](Principal("eve"))  # a second answer changes nothing
    world.clock.settle()
    assert [message["id"] for message in client.received()] == [1, 2, 3]
    assert client.session.user_id == "ann"


def test_an_error_answers_connect_and_makes_the_connection_unusable(world: World) -> None:
    world.doorman.answer = ERROR_TOKEN_EXPIRED
    client = world.client()
    client.send({"id": 1, "connect": {}})
    assert client.received() == [{"id": 1, "error": {"code": 109, "message": "token expired"}}]
    client.send({"id": 2, "rpc": {}})
    assert client.close_code == 3501


def test_commands_sent_along_with_a_refused_connect_are_dropped(world: World) -> None:
    # A client that pipelines cannot know yet; a 3501 would overtake the 109 that lets it renew its token.
    world.doorman.holds = True
    client = world.client()
    client.send({"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": "news"}})
    world.doorman.held[0](ERROR_TOKEN_EXPIRED)
    world.clock.settle()
    assert [message["id"] for message in client.received()] == [1]
    assert client.close_code is None
    world.clock.advance(11)
    assert client.close_code == 3502


def test_a_disconnect_answers_connect(world: World) -> None:
    world.doorman.answer = DISCONNECT_INVALID_TOKEN
    client = world.client()
    client.send({"id": 1, "connect": {}}, {"id": 2, "rpc": {}})
    assert client.close_code == 3500
    assert client.received() == []


def test_a_disconnect_during_authentication_is_final(world: World) -> None:
    world.doorman.holds = True
    client = world.client()
    client.send({"id": 1, "connect": {}})
    client.session.transport_lost()
    client.session.transport_lost()
    world.doorman.held[0](Principal("ann"))
    world.clock.settle()
    assert client.received() == []
    assert world.node.snapshot().connections == 0
    assert world.node.snapshot().lost == 1


def test_a_commands_queue_behind_connect_is_bounded() -> None:
    world = World(limits=Limits(pipelined_commands_max=2))
    world.doorman.holds = True
    client = world.client()
    client.send({"id": 1, "connect": {}}, {"id": 2, "rpc": {}}, {"id": 3, "rpc": {}}, {"id": 4, "rpc": {}})
    assert client.close_code == 3013


def test_commands_sent_along_stop_at_the_end_of_the_connection(world: World) -> None:
    world.doorman.holds = True
    client = world.client()
    client.send({"id": 1, "connect": {}}, {"send": {}}, {"id": 3, "rpc": {"method": "wait"}})
    world.doorman.held[0](Principal("ann"))
    world.clock.settle()
    assert client.close_code == 3508
    assert world.methods.waiting == []


def test_a_failing_authenticator_is_an_internal_error(world: World) -> None:
    world.doorman.fails = True
    reply = world.client().ask({"id": 1, "connect": {}})
    assert reply == [{"id": 1, "error": {"code": 100, "message": "internal server error", "temporary": True}}]
    assert world.node.snapshot().faults == {"authenticate": 1}


def test_without_a_connect_the_connection_is_stale_after_its_time(world: World) -> None:
    client = world.client()
    assert client.session.check_deadlines(0.0) == 10.0
    world.clock.advance(9.9)
    assert client.close_code is None
    world.clock.advance(0.5)
    assert client.close_code == 3502


def test_a_user_may_have_only_so_many_connections() -> None:
    world = World(limits=Limits(user_connections_max=2))
    kept = [world.client().connect("ann"), world.client().connect("ann")]
    third = world.client()
    third.send({"id": 1, "connect": {"token": "ann"}})
    assert third.close_code == 3504
    for _ in range(3):
        world.client().connect("")  # anonymous clients are nobody's
    kept[0].session.transport_lost()
    world.client().connect("ann")


def test_the_connection_ends_when_its_principal_expires(world: World) -> None:
    world.doorman.answer = Principal("ann", expires_at_ms=world.clock.wall_ms() + 3_000)
    client = world.client().connect()
    world.clock.advance(2.9)
    assert client.close_code is None
    world.clock.advance(0.5)
    assert client.close_code == 3005


def test_all_connections_of_a_user_are_found_and_ended(world: World) -> None:
    clients = [world.client().connect("ann") for _ in range(3)]
    other = world.client().connect("bob")
    clients[0].session.transport_lost()
    assert world.node.disconnect_user("ann", disconnect=DISCONNECT_INVALID_TOKEN) == 2
    assert [client.close_code for client in clients] == [None, 3500, 3500]
    assert world.node.disconnect_user("ann", disconnect=DISCONNECT_INVALID_TOKEN) == 0
    assert other.close_code is None


def test_closing_all_goes_in_slices(world: World) -> None:
    clients = [world.client() for _ in range(5)]
    assert world.node.connection_count == 5
    assert world.node.close_all(count_max=3) == 2
    assert world.node.close_all() == 0
    assert {client.close_code for client in clients} == {3001}
