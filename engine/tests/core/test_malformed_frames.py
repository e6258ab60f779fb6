"""Every bad frame has an exact reaction, is counted, and leaves the neighbours alone."""

import pytest

from engine.tests.core.world import World

DEEP = b'{"id":2,"rpc":{"method":"echo","data":' + b"[" * 30_000 + b"]" * 30_000 + b"}}"

TABLE = {
    "empty frame": (b"", 3501, "malformed_frame"),
    "only newlines": (b"\n\n", 3501, "malformed_frame"),
    "not JSON": (b"hello", 3501, "malformed_frame"),
    "cut off": (b'{"id":2,"rpc":', 3501, "malformed_frame"),
    "an array": (b"[]", 3501, "malformed_frame"),
    "a string": (b'"x"', 3501, "malformed_frame"),
    "two objects in one line": (b'{"id":2,"rpc":{}}{"id":3,"rpc":{}}', 3501, "malformed_frame"),
    "a blank line in between": (b'{"id":2,"rpc":{}}\n\n{"id":3,"rpc":{}}', 3501, "malformed_frame"),
    "negative id": (b'{"id":-1,"rpc":{}}', 3501, "malformed_frame"),
    "id over 32 bits": (b'{"id":4294967296,"rpc":{}}', 3501, "malformed_frame"),
    "endless id": (b'{"id":' + b"9" * 5_000 + b',"rpc":{}}', 3501, "malformed_frame"),
    "id as text": (b'{"id":"2","rpc":{}}', 3501, "malformed_frame"),
    "wrong type of a field": (b'{"id":2,"subscribe":{"channel":7}}', 3501, "malformed_frame"),
    "bad payload": (b'{"id":2,"rpc":{"data":nope}}', 3501, "malformed_frame"),
    "nesting without end": (DEEP, 3501, "malformed_frame"),
    "negative offset": (b'{"id":2,"subscribe":{"channel":"news","offset":-1}}', 3501, "malformed_frame"),
    "endless offset": (b'{"id":2,"subscribe":{"offset":' + b"9" * 5_000 + b"}}", 3501, "malformed_frame"),
    "lone surrogate": (b'{"id":2,"subscribe":{"channel":"\\ud800"}}', 3501, "malformed_frame"),
    "not UTF-8": (b'{"id":2,"rpc":{"data":"\xff\xfe"}}', 1007, "malformed_frame"),
    "over the limit": (b'{"id":2,"rpc":{"data":"' + b"x" * 65_536 + b'"}}', 1009, "frame_too_large"),
    "no request": (b'{"id":2}', 3501, "no_request"),
    "unknown request": (b'{"id":2,"dance":{}}', 3501, "no_request"),
    "null request": (b'{"id":2,"rpc":null}', 3501, "no_request"),
    "no id": (b'{"rpc":{}}', 3501, "unasked_pong"),
    "unasked pong": (b"{}", 3501, "unasked_pong"),
    "second connect": (b'{"id":2,"connect":{}}', 3501, "second_connect"),
    "subscribe without channel": (b'{"id":2,"subscribe":{}}', 3501, "subscribe_request"),
    "unknown delta": (b'{"id":2,"subscribe":{"channel":"news","delta":"x"}}', 3501, "subscribe_request"),
    "unsubscribe without channel": (b'{"id":2,"unsubscribe":{}}', 3501, "empty_channel"),
    "publish without channel": (b'{"id":2,"publish":{"data":1}}', 3501, "empty_channel"),
    "history without channel": (b'{"id":2,"history":{}}', 3501, "empty_channel"),
    "presence without channel": (b'{"id":2,"presence":{}}', 3501, "empty_channel"),
    "presence stats without channel": (b'{"id":2,"presence_stats":{}}', 3501, "empty_channel"),
}


@pytest.mark.parametrize("name", TABLE)
def test_bad_frame_ends_its_connection_only(world: World, name: str) -> None:
    frame, code, counted_as = TABLE[name]
    neighbour = world.client().connect()
    neighbour.ask({"id": 2, "subscribe": {"channel": "news"}})
    client = world.client().connect()
    client.send_raw(frame)
    assert client.close_code == code
    snapshot = world.node.snapshot()
    assert snapshot.malformed == {counted_as: 1}
    assert snapshot.disconnects == {code: 1}
    assert (snapshot.connections, snapshot.subscriptions) == (1, 1)
    world.publish("news", 1)
    assert neighbour.received() == [{"push": {"channel": "news", "pub": {"data": 1}}}]
    assert neighbour.close_code is None


def test_what_stands_before_the_bad_line_is_done(world: World) -> None:
    client = world.client().connect()
    client.send_raw(b'{"id":2,"rpc":{"method":"echo","data":1}}\nnot json\n{"id":3,"rpc":{"method":"wait"}}')
    assert client.received() == [{"id": 2, "rpc": {"data": 1}}]
    assert client.close_code == 3501
    assert world.methods.waiting == []


def test_nothing_is_taken_after_the_end(world: World) -> None:
    client = world.client().connect()
    client.send_raw(b'{"send":{}}\n{"id":3,"rpc":{"method":"wait"}}')
    client.send({"id": 4, "rpc": {"method": "wait"}})
    assert client.close_code == 3508
    assert world.methods.waiting == []
    client.session.send(b"{}")
    assert client.received() == []
