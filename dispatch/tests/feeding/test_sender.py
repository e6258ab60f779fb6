"""A device keeps every fix until the server answers for it, through refusals, silence and broken connections."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from dispatch.core.fix import Fix
from dispatch.feeding.encoding import encode_location
from dispatch.feeding.errors import AddressUnusableError
from dispatch.feeding.lane import Address, parse_address
from dispatch.feeding.phone import backoff_s
from dispatch.feeding.sender import FixSender
from dispatch.feeding.tally import Tally, parse_error_code, parse_verdicts

ACCEPTED = b"HTTP/1.1 200 OK\r\nVola-Fix: %b\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
UNKNOWN_BODY = b'{"error":{"code":"unknown_device","message":"No such device."}}'
BAD_BODY = b'{"error":{"code":"undecodable","message":"What is this?"}}'


def refusal(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


@dataclass
class Script:
    """What the scripted server does with request n (None: it hangs up), and what it got."""

    respond: Callable[[int, list[int]], bytes | None]
    requests: list[tuple[str, list[int]]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)


@asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[Address]:
    """A real HTTP listener that answers from a script."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(next(line for line in head.splitlines() if line.startswith("Content-Length")).split()[1])
                body = json.loads(await reader.readexactly(length))
                locations = body["location"] if isinstance(body["location"], list) else [body["location"]]
                minutes = [int(location["timestamp"][14:16]) for location in locations]
                script.requests.append((body["device_id"], minutes))
                script.heads.append(head)
                answer = script.respond(len(script.requests) - 1, minutes)
                if answer is None:
                    break
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Address(*server.sockets[0].getsockname())
    finally:
        server.close()


def location(minute: int) -> bytes:
    return encode_location(Fix(fix_time_ms=minute * 60_000, lat=60.0, lon=24.0), extras={"minute": str(minute)})


def accept_all(_: int, minutes: list[int]) -> bytes:
    return ACCEPTED % (b"accepted" if len(minutes) == 1 else b"accepted=%d" % len(minutes))


async def test_each_fix_is_acknowledged_in_the_order_of_its_device() -> None:
    script = Script(accept_all)
    async with scripted_server(script) as address:
        sender = FixSender(address, tally=Tally(), lane_count_max=4)
        phones = [sender.add_phone(f"van-{index}") for index in range(10)]
        for minute in range(30):
            for phone in phones:
                sender.offer(phone, location(minute))
        await asyncio.wait_for(sender.drain(), 5)
        await sender.close()
    assert sender.tally.acknowledged == sender.tally.offered == 300
    for phone in phones:
        own = [minutes for device, minutes in script.requests if device == phone.unique_id]
        assert [minute for minutes in own for minute in minutes] == list(range(30))


async def test_a_busy_server_gets_everything_again_and_nothing_is_lost() -> None:
    script = Script(lambda index, minutes: BUSY if index < 3 else accept_all(index, minutes))
    async with scripted_server(script) as address:
        sender = FixSender(address, tally=Tally())
        phone = sender.add_phone("van")
        for minute in range(5):
            sender.offer(phone, location(minute))
        await asyncio.wait_for(sender.drain(), 10)
        await sender.close()
    assert sender.tally.retries == {"http_503": 3}
    assert sender.tally.verdicts == {"accepted": 5}
    assert script.requests[-1][1][-1] == 4


async def test_a_connection_that_breaks_before_the_answer_sends_the_fix_again() -> None:
    script = Script(lambda index, minutes: None if index == 0 else ACCEPTED % b"duplicate")
    async with scripted_server(script) as address:
        sender = FixSender(address, tally=Tally())
        sender.offer(sender.add_phone("van"), location(1))
        await asyncio.wait_for(sender.drain(), 5)
        await sender.close()
    assert script.requests == [("van", [1]), ("van", [1])]
    assert sender.tally.verdicts == {"duplicate": 1}


async def test_devices_wait_for_a_server_that_is_not_there_yet() -> None:
    probe = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    address = Address(*probe.sockets[0].getsockname())
    probe.close()
    await probe.wait_closed()
    sender = FixSender(address, tally=Tally())
    for index in range(20):
        sender.offer(sender.add_phone(f"van-{index}"), location(1))
    await asyncio.sleep(0.3)
    assert sender.tally.waiting == 20

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            writer.write(ACCEPTED % b"accepted")
        writer.close()

    server = await asyncio.start_server(serve, address.host, address.port)
    await asyncio.wait_for(sender.drain(), 10)
    await sender.close()
    server.close()
    assert sender.tally.acknowledged == 20


async def test_one_bad_fix_in_a_backlog_does_not_take_the_good_ones_with_it() -> None:
    def respond(index: int, minutes: list[int]) -> bytes:
        return refusal(b"400 Bad Request", BAD_BODY) if 3 in minutes else accept_all(index, minutes)

    async with scripted_server(Script(respond)) as address:
        sender = FixSender(address, tally=Tally())
        phone = sender.add_phone("van")
        sender.set_offline(phone, is_offline=True)
        for minute in range(6):
            sender.offer(phone, location(minute))
        sender.set_offline(phone, is_offline=False)
        await asyncio.wait_for(sender.drain(), 5)
        await sender.close()
    assert sender.tally.verdicts == {"accepted": 5}
    assert sender.tally.refusals == {"undecodable": 1}


async def test_a_device_that_the_server_does_not_know_yet_tries_again() -> None:
    script = Script(
        lambda index, minutes: refusal(b"404 Not Found", UNKNOWN_BODY) if index == 0 else accept_all(index, minutes)
    )
    async with scripted_server(script) as address:
        sender = FixSender(address, tally=Tally())
        sender.offer(sender.add_phone("van"), location(1))
        await asyncio.wait_for(sender.drain(), 5)
        await sender.close()
    assert sender.tally.verdicts == {"accepted": 1}


async def test_a_device_without_network_sends_its_backlog_oldest_first_when_it_is_back() -> None:
    script = Script(accept_all)
    async with scripted_server(script) as address:
        sender = FixSender(address, tally=Tally())
        phone = sender.add_phone("van")
        sender.set_offline(phone, is_offline=True)
        for minute in range(4):
            sender.offer(phone, location(minute))
        await asyncio.sleep(0.1)
        assert script.requests == []
        sender.set_offline(phone, is_offline=False)
        await asyncio.wait_for(sender.drain(), 5)
        await sender.close()
    assert script.requests == [("van", [0, 1, 2, 3])]


async def test_a_secret_travels_in_the_authorization_header_only() -> None:
    script = Script(accept_all)
    async with scripted_server(script) as address:
        sender = FixSender(address, tally=Tally())
        sender.offer(sender.add_phone("van", secret="s3cret"), location(1))
        sender.offer(sender.add_phone("legacy"), location(1))
        await asyncio.wait_for(sender.drain(), 5)
        await sender.close()
    by_device = {device: head for (device, _), head in zip(script.requests, script.heads, strict=True)}
    assert "Authorization: Bearer s3cret\r\n" in by_device["van"]
    assert "Authorization" not in by_device["legacy"]
    assert "s3cret" not in by_device["van"].splitlines()[0]


@pytest.mark.parametrize(
    ("header", "fix_count", "expected"),
    [
        ("accepted", 1, {"accepted": 1}),
        ("accepted=3, duplicate=1", 4, {"accepted": 3, "duplicate": 1}),
        ("quarantined; reason=impossible_jump", 1, {"quarantined:impossible_jump": 1}),
        ("accepted=2, quarantined=1; reason=null_island", 3, {"accepted": 2, "quarantined:null_island": 1}),
        ("", 2, {"unexplained": 2}),
        ("accepted=1", 3, {"accepted": 1, "unexplained": 2}),
    ],
)
def test_the_verdict_header_is_counted_by_verdict(header: str, fix_count: int, expected: dict[str, int]) -> None:
    assert parse_verdicts(header, fix_count=fix_count) == expected


def test_an_error_without_a_code_is_named_by_its_status() -> None:
    assert parse_error_code(UNKNOWN_BODY, status=404) == "unknown_device"
    assert parse_error_code(b"<html>", status=413) == "http_413"


def test_waits_grow_are_spread_and_respect_what_the_server_asked() -> None:
    assert backoff_s(1, jitter=1.0) < backoff_s(4, jitter=0.0) < backoff_s(9, jitter=1.0)
    assert backoff_s(100, jitter=1.0) == 10.0
    assert backoff_s(1, jitter=0.0, asked_s=5.0) == 5.0
    assert backoff_s(1, jitter=0.0, asked_s=1e9) == 10.0


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:8000", "127.0.0.1:8000", "http://:80", "http://h/path", "http://h:x"]
)
def test_an_address_that_is_not_plain_http_is_refused(url: str) -> None:
    with pytest.raises(AddressUnusableError):
        parse_address(url)


def test_an_address_names_host_and_port() -> None:
    assert parse_address("http://127.0.0.1:8000") == Address("127.0.0.1", 8000)
    assert parse_address("http://localhost/") == Address("localhost", 80)
