"""The JSON encoding: frames in, frames out, whatever a peer sends."""

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vola.errors import CLOSE_INVALID_TEXT, FrameTooLarge, MalformedFrame, WireError
from vola.protocol.codec import Codec
from vola.protocol.json_codec import JsonCodec
from vola.protocol.messages import (
    ClientInfo,
    Command,
    ConnectResult,
    HistoryResult,
    PresenceResult,
    PresenceStatsResult,
    Publication,
    Push,
    Reply,
    RpcResult,
    SubscribeResult,
)
from vola.protocol.payload import embed, is_json, is_utf8

CODEC: Codec = JsonCodec()

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def decode(frame: bytes) -> list[Command]:
    return [CODEC.decode(line) for line in CODEC.split(frame)]


def test_a_frame_holds_one_command_or_more() -> None:
    commands = decode(b'{"id":1,"connect":{"token":"t","profile":"new"}}\n{"id":2,"subscribe":{"channel":"c"}}\n')
    assert [command.id for command in commands] == [1, 2]
    assert commands[0].connect is not None
    assert commands[0].connect.token == "t"
    assert decode(b"{}") == [Command()]


def test_a_payload_stays_as_it_was_written() -> None:
    (command,) = decode(b'{"id":1,"publish":{"channel":"c","data": {"n": 1.50,\t"s":"\\u00e9"} }}')
    assert command.publish is not None
    assert bytes(command.publish.data) == b'{"n": 1.50,\t"s":"\\u00e9"}'


@pytest.mark.parametrize("frame", [b"", b"\n", b" \n ", b"{", b"[]", b"{}{}", b"{}\n\n{}", b'{"id":true}', b"\x00"])
def test_a_malformed_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(MalformedFrame) as caught:
        decode(frame)
    assert caught.value.disconnect.code == 3501


def test_text_that_is_no_utf8_is_refused_as_such() -> None:
    with pytest.raises(MalformedFrame) as caught:
        decode(b'{"id":1,"rpc":{"data":"\xc3("}}')
    assert caught.value.disconnect is CLOSE_INVALID_TEXT


def test_a_frame_has_a_size_limit() -> None:
    codec = JsonCodec(frame_max_bytes=20)
    assert list(codec.split(b'{"id":1,"rpc":{}}')) == [b'{"id":1,"rpc":{}}']
    with pytest.raises(FrameTooLarge) as caught:
        codec.split(b" " * 21)
    assert (caught.value.size_bytes, caught.value.limit_bytes) == (21, 20)
    assert caught.value.disconnect.code == 1009


@given(st.binary(max_size=300))
@example(b'{"rpc":{"data":' + b"[" * 60_000)
@example(b'{"id":1,"subscribe":{"channel":"\\ud800"}}')
@example(b'{"id":1,"subscribe":{"channel":"\\udc00"}}')
def test_any_bytes_are_decoded_or_refused(frame: bytes) -> None:
    try:
        commands = decode(frame)
    except WireError:
        return
    for command in commands:
        msgspec.json.encode(command)


@given(st.text(alphabet='{}[]":,0123456789idrpcdata\\u \n', max_size=200))
def test_nearly_json_is_decoded_or_refused(text: str) -> None:
    with suppress(WireError):
        decode(text.encode())


@given(json_values, st.sampled_from([None, 2]))
def test_what_is_embedded_comes_out_equal_and_on_one_line(value: object, indent: int | None) -> None:
    payload = json.dumps(value, indent=indent).encode()
    assert is_json(payload)
    line = CODEC.encode(Reply(id=1, rpc=RpcResult(embed(payload))))
    assert b"\n" not in line
    assert json.loads(line)["rpc"].get("data") == value


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_joined_replies_are_lines(ids: list[int]) -> None:
    frame = CODEC.join([CODEC.encode(Reply(id=number)) for number in ids])
    assert [json.loads(line)["id"] for line in frame.split(b"\n")] == ids


def test_zero_fields_are_left_out_except_those_that_are_not() -> None:
    assert CODEC.encode(Reply()) == CODEC.ping == b"{}"
    assert CODEC.encode(Reply(id=1, subscribe=SubscribeResult())) == b'{"id":1,"subscribe":{}}'
    assert CODEC.encode(Reply(id=1, connect=ConnectResult(client="c"))) == b'{"id":1,"connect":{"client":"c"}}'
    empty = Reply(id=1, presence_stats=PresenceStatsResult(0, 0))
    assert CODEC.encode(empty) == b'{"id":1,"presence_stats":{"num_clients":0,"num_users":0}}'
    assert CODEC.encode(Reply(presence=PresenceResult({}))) == b'{"presence":{"presence":{}}}'
    history = Reply(history=HistoryResult([], "", 0))
    assert CODEC.encode(history) == b'{"history":{"publications":[],"epoch":"","offset":0}}'
    push = Reply(push=Push(channel="c", pub=Publication(data=embed(b"0"), info=ClientInfo(user="", client=""))))
    assert CODEC.encode(push) == b'{"push":{"channel":"c","pub":{"data":0,"info":{"user":"","client":""}}}}'


def test_payloads_are_checked() -> None:
    assert is_json(b' {"a":1} ')
    assert is_json('"é"'.encode())
    for bad in (b"", b"nope", b"1 2", b'"\xff"', b"[" * 60_000):
        assert not is_json(bad)
    assert is_utf8("é".encode())
    assert not is_utf8(b"\xff")
    assert bytes(embed(None)) == bytes(embed(b"")) == b""
