"""The wire itself, without a client library: connect, refusals, malformed frames, ping and pong."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.site import Site


async def test_connect_answers_who_and_how_often_to_ping(site: Site) -> None:
    async with site.raw(site.ada) as raw:
        reply = await raw.ask(id=1, connect={"name": "test"})
    connect = reply["connect"]
    assert connect["ping"] == 25
    assert connect["pong"] is True
    assert len(connect["client"]) == 36


async def test_commands_may_come_in_one_frame_with_connect(site: Site) -> None:
    async with site.raw(site.ada) as raw:
        await raw.send({"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": "quiet:one-frame"}})
        assert "connect" in await raw.receive()
        assert (await raw.receive())["id"] == 2


@pytest.mark.parametrize("origin", [None, "own", "https://app.example.com"])
async def test_own_and_allowed_origins_and_clients_without_one_may_connect(site: Site, origin: str | None) -> None:
    sent = site.server.url if origin == "own" else origin
    async with site.raw(site.ada, origin=sent) as raw:
        assert "connect" in await raw.ask(id=1, connect={})


async def test_another_sites_page_is_refused_with_the_users_cookie(site: Site) -> None:
    async with site.raw(site.ada, origin="https://evil.example") as raw:
        await raw.send({"id": 1, "connect": {}})
        assert await raw.closed() == (3507, "permission denied")


async def test_nobody_signed_in_is_refused(site: Site) -> None:
    async with site.raw() as raw:
        await raw.send({"id": 1, "connect": {}})
        assert await raw.closed() == (3501, "bad request")


async def test_anonymous_clients_connect_where_that_is_allowed(strict_site: Site) -> None:
    async with strict_site.raw() as raw:
        assert "connect" in await raw.ask(id=1, connect={})
        assert (await raw.ask(id=2, rpc={"method": "add", "data": {"a": 1, "b": 2}}))["error"]["code"] == 103


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "garbage",
        "[]",
        "{",
        '{"id":2,"subscribe":{"channel":"quiet:1"}',
        '{"id":2}',
        '{"id":2,"dance":{}}',
        '{"id":2,"connect":{}}',
        '{"id":2,"subscribe":{"channel":""}}',
        '{"subscribe":{"channel":"quiet:1"}}',
        "{}",
        '{"id":-1,"rpc":{"method":"add"}}',
        '{"id":4294967296,"rpc":{"method":"add"}}',
    ],
)
async def test_a_malformed_frame_ends_its_own_connection_and_no_other(site: Site, frame: str) -> None:
    async with site.connected() as neighbour, site.connected() as raw:
        await raw.connection.send(frame)
        assert (await raw.closed())[0] == 3501
        assert (await neighbour.ask(id=2, rpc={"method": "echo", "data": 1}))["rpc"]["data"] == 1


async def test_a_command_before_connect_is_refused(site: Site) -> None:
    async with site.raw(site.ada) as raw:
        await raw.send({"id": 1, "subscribe": {"channel": "quiet:1"}})
        assert (await raw.closed())[0] == 3501


async def test_a_frame_over_the_limit_is_closed_with_1009(site: Site) -> None:
    async with site.connected() as raw:
        await raw.connection.send('{"id":2,"rpc":{"method":"echo","data":"' + "x" * 70_000 + '"}}')
        assert (await raw.closed())[0] == 1009


async def test_the_largest_command_id_is_fine(site: Site) -> None:
    async with site.connected() as raw:
        assert (await raw.ask(id=2**32 - 1, rpc={"method": "echo", "data": []}))["rpc"]["data"] == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"subscribe": {"channel": "nowhere:1"}}, 102),
        ({"subscribe": {"channel": "own:999999"}}, 103),
        ({"subscribe": {"channel": "chat:" + "x" * 300}}, 107),
        ({"subscribe": {"channel": "chat:é"}}, 107),
        ({"subscribe": {"channel": "failing:raises"}}, 100),
        ({"publish": {"channel": "quiet:1", "data": {}}}, 103),
        ({"presence": {"channel": "quiet:1"}}, 108),
        ({"presence_stats": {"channel": "quiet:1"}}, 108),
        ({"history": {"channel": "quiet:1"}}, 108),
        ({"rpc": {"method": "nothing"}}, 104),
        ({"rpc": {"method": "full"}}, 1200),
        ({"rpc": {"method": "broken"}}, 100),
        ({"rpc": {"method": "add", "data": {"a": "1", "b": 2}}}, 107),
        ({"history": {"channel": "chat:epochs", "limit": 1, "since": {"offset": 0, "epoch": "nonsense"}}}, 112),
    ],
)
async def test_a_refused_command_is_answered_with_its_code(site: Site, command: dict[str, Any], code: int) -> None:
    async with site.connected() as raw:
        reply = await raw.ask(id=2, **command)
        assert reply["error"]["code"] == code
        assert "secret" not in str(reply)
        assert (await raw.ask(id=3, rpc={"method": "echo", "data": 1}))["rpc"]["data"] == 1


async def test_subscribing_twice_is_an_error_and_unsubscribing_from_nothing_is_not(site: Site) -> None:
    async with site.connected() as raw:
        assert "subscribe" in await raw.ask(id=2, subscribe={"channel": "quiet:twice"})
        assert (await raw.ask(id=3, subscribe={"channel": "quiet:twice"}))["error"]["code"] == 105
        assert await raw.ask(id=4, unsubscribe={"channel": "quiet:twice"}) == {"id": 4, "unsubscribe": {}}
        assert await raw.ask(id=5, unsubscribe={"channel": "quiet:never"}) == {"id": 5, "unsubscribe": {}}


async def test_the_server_pings_and_a_client_that_answers_stays(strict_site: Site) -> None:
    async with strict_site.connected() as raw:
        for _ in range(3):
            assert await asyncio.wait_for(raw.receive(), 3) == {}
            await raw.send({})
        assert (await raw.ask(id=2, rpc={"method": "echo", "data": 1}))["rpc"]["data"] == 1


async def test_a_client_that_does_not_answer_pings_is_disconnected(strict_site: Site) -> None:
    async with strict_site.connected() as raw:
        assert await asyncio.wait_for(raw.closed(), 5) == (3012, "no pong")


async def test_channels_per_connection_are_limited(strict_site: Site) -> None:
    async with strict_site.connected() as raw:
        assert "subscribe" in await raw.ask(id=2, subscribe={"channel": "quiet:1"})
        assert "subscribe" in await raw.ask(id=3, subscribe={"channel": "quiet:2"})
        assert (await raw.ask(id=4, subscribe={"channel": "quiet:3"}))["error"]["code"] == 106


async def test_a_stopping_server_tells_its_clients_and_ends_in_order(start_site: Callable[..., Site]) -> None:
    site = start_site()
    async with site.connected() as raw:
        stopping = asyncio.get_running_loop().run_in_executor(None, site.server.stop)
        assert await asyncio.wait_for(raw.closed(), 5) == (3001, "shutdown")
        assert await stopping == 0
    assert "ticker stopped" in site.server.log


async def test_a_client_that_reads_nothing_is_dropped_as_slow(start_site: Callable[..., Site]) -> None:
    """Its socket's buffers fill, then its queue, then it is told 3008; nobody else waits for it."""
    site = start_site(CLIENT_QUEUE_BYTES_MAX=65_536)
    async with site.connected() as neighbour, site.connected() as raw:
        await raw.ask(id=2, subscribe={"channel": "quiet:slow"})
        raw.connection.transport.pause_reading()
        for _ in range(200):
            await site.publish("quiet:slow", 0, repeat=20, padding=20_000)
            if "3008" in (await site.get("/state")).json()["disconnects"]:
                break
        raw.connection.transport.resume_reading()
        assert await raw.closed() == (3008, "slow")
        assert (await neighbour.ask(id=2, rpc={"method": "echo", "data": 1}))["rpc"]["data"] == 1
