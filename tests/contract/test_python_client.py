"""The unmodified client `centrifuge-python` against a real server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import centrifuge
import pytest

from tests.contract.proxy import proxy_to
from tests.contract.site import Site, User


class Watcher(centrifuge.SubscriptionEventHandler):  # type: ignore[misc]  # the package is not typed
    """Remembers what a subscription went through, and can be waited for."""

    def __init__(self) -> None:
        self.publications: list[Any] = []
        self.offsets: list[int] = []
        self.subscribed: list[Any] = []
        self.unsubscribed: list[tuple[int, str]] = []
        self.joined: list[str] = []
        self.left: list[str] = []
        self.errors: list[Exception] = []

    async def on_subscribed(self, ctx: Any) -> None:
        self.subscribed.append(ctx)

    async def on_unsubscribed(self, ctx: Any) -> None:
        self.unsubscribed.append((ctx.code, ctx.reason))

    async def on_publication(self, ctx: Any) -> None:
        self.publications.append(ctx.pub.data)
        self.offsets.append(ctx.pub.offset)

    async def on_join(self, ctx: Any) -> None:
        self.joined.append(ctx.info.user)

    async def on_leave(self, ctx: Any) -> None:
        self.left.append(ctx.info.user)

    async def on_error(self, ctx: Any) -> None:
        self.errors.append(ctx.error)


class Connection(centrifuge.ClientEventHandler):  # type: ignore[misc]  # the package is not typed
    """Remembers how often the client connected and why it was disconnected."""

    def __init__(self) -> None:
        self.connected_count = 0
        self.disconnected: list[tuple[int, str]] = []

    async def on_connected(self, ctx: Any) -> None:
        self.connected_count += 1

    async def on_disconnected(self, ctx: Any) -> None:
        self.disconnected.append((ctx.code, ctx.reason))


async def until(condition: Callable[[], object], *, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  anything may be waited for
            await asyncio.sleep(0.01)


@asynccontextmanager
async def client_of(
    site: Site, *, user: User | None = None, events: Connection | None = None, port: int | None = None, **options: Any
) -> AsyncIterator[centrifuge.Client]:
    """A connected client, as Ada unless told otherwise."""
    url = site.server.ws_url if port is None else site.server.ws_url.replace(str(site.server.port), str(port))
    headers = options.pop("headers", None) or (user or site.ada).headers
    client = centrifuge.Client(url, events=events, headers=headers, proxy=None, **options)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()
        # The client closes its socket in a task of its own, which nobody else waits for.
        while closing := tuple(client._background_tasks):
            await asyncio.wait(closing)


async def subscribe(client: centrifuge.Client, channel: str, **options: Any) -> tuple[centrifuge.Subscription, Watcher]:
    watcher = Watcher()
    subscription = client.new_subscription(channel, events=watcher, **options)
    await subscription.subscribe()
    await subscription.ready(5)
    return subscription, watcher


async def test_a_session_connects_and_a_stranger_is_told_to_stay_away(site: Site) -> None:
    async with client_of(site) as client:
        await client.ready(5)
    stranger = Connection()
    async with client_of(site, events=stranger, headers={"X-Nothing": "1"}):
        await until(lambda: stranger.disconnected)
    assert stranger.disconnected == [(3501, "bad request")]


async def test_a_publication_of_the_server_and_of_a_client_reach_all_subscribers(site: Site) -> None:
    async with client_of(site) as ada, client_of(site, user=site.bob) as bob:
        of_ada, seen_by_ada = await subscribe(ada, "chat:both")
        _, seen_by_bob = await subscribe(bob, "chat:both")
        await site.publish("chat:both", {"from": "server"})
        await until(lambda: len(seen_by_bob.publications) == 1)
        await of_ada.publish({"from": "ada"})
        await until(lambda: len(seen_by_bob.publications) == len(seen_by_ada.publications) == 2)
    assert seen_by_ada.publications == seen_by_bob.publications == [{"from": "server"}, {"from": "ada"}]
    assert seen_by_bob.offsets == [1, 2]


async def test_what_a_view_rolls_back_is_never_published(site: Site) -> None:
    async with client_of(site) as client:
        _, seen = await subscribe(client, "chat:rollback")
        assert await site.publish("chat:rollback", "undone", undo=True) == {"published": False}
        await site.publish("chat:rollback", "done")
        await until(lambda: seen.publications)
    assert seen.publications == ["done"]


async def test_publishing_to_an_unknown_channel_is_an_error_in_the_view(site: Site) -> None:
    answer = await site.publish("nowhere:1", 1)
    assert answer["error"]["code"] == "unknown_channel"


async def test_a_users_own_channel_is_for_that_user(site: Site) -> None:
    async with client_of(site) as ada, client_of(site, user=site.bob) as bob:
        _, seen = await subscribe(ada, f"own:{site.ada.id}")
        assert seen.subscribed
        watcher = Watcher()
        denied = bob.new_subscription(f"own:{site.ada.id}", events=watcher)
        await denied.subscribe()
        await until(lambda: watcher.unsubscribed)
    assert watcher.unsubscribed == [(103, "permission denied")]


async def test_a_django_permission_decides(site: Site) -> None:
    async with client_of(site) as ada, client_of(site, user=site.bob) as bob:
        await subscribe(ada, "staff:room")
        watcher = Watcher()
        await bob.new_subscription("staff:room", events=watcher).subscribe()
        await until(lambda: watcher.unsubscribed)
        assert watcher.unsubscribed[0][0] == 103
        assert (await ada.rpc("staff", None)).data == "welcome"
        with pytest.raises(centrifuge.ReplyError) as refused:
            await bob.rpc("staff", None)
        assert refused.value.code == 103


async def test_a_deactivated_user_loses_the_open_connection_and_cannot_come_back(site: Site) -> None:
    events = Connection()
    async with client_of(site, user=site.users["eve"], events=events) as client, client_of(site) as neighbour:
        await subscribe(client, "chat:deactivated")
        assert (await site.get("/deactivate/eve")).json() == {"deactivated": "eve"}
        await until(lambda: events.disconnected)
        assert (await neighbour.rpc("echo", 1)).data == 1
    assert events.disconnected == [(3501, "bad request")]
    assert events.connected_count == 1


async def test_an_unsubscribed_client_gets_nothing_more_and_may_come_back(site: Site) -> None:
    async with client_of(site) as client, client_of(site, user=site.bob) as other:
        subscription, seen = await subscribe(client, "quiet:unsubscribe")
        _, witness = await subscribe(other, "quiet:unsubscribe")
        await subscription.unsubscribe()
        await asyncio.sleep(0.1)
        await site.publish("quiet:unsubscribe", 1)
        await until(lambda: witness.publications == [1])
        assert seen.publications == []
        await subscription.subscribe()
        await subscription.ready(5)
        await site.publish("quiet:unsubscribe", 2)
        await until(lambda: seen.publications == [2])


async def test_presence_tells_who_is_there(site: Site) -> None:
    async with client_of(site) as ada, client_of(site, user=site.bob) as bob:
        of_ada, _ = await subscribe(ada, "chat:presence")
        await subscribe(bob, "chat:presence")
        present = (await of_ada.presence()).clients
        assert {info.user for info in present.values()} == {site.ada.id, site.bob.id}
        assert {info.conn_info["name"] for info in present.values()} == {"ada", "bob"}
        stats = await of_ada.presence_stats()
        assert (stats.num_clients, stats.num_users) == (2, 2)
        with pytest.raises(centrifuge.ReplyError) as refused:
            await ada.presence("quiet:1")
        assert refused.value.code == 108


async def test_comings_and_goings_are_told(site: Site) -> None:
    async with client_of(site) as ada:
        _, seen = await subscribe(ada, "chat:joins", join_leave=True)
        async with client_of(site, user=site.bob) as bob:
            await subscribe(bob, "chat:joins")
            await until(lambda: site.bob.id in seen.joined)
        await until(lambda: site.bob.id in seen.left)
        subscription = ada.get_subscription("chat:joins")
        assert subscription is not None
        stats = await subscription.presence_stats()
        assert (stats.num_clients, stats.num_users) == (1, 1)


async def test_history_is_paged_both_ways(site: Site) -> None:
    await site.publish("chat:history", 0, repeat=10)
    async with client_of(site) as client:
        subscription, _ = await subscribe(client, "chat:history")
        top = await subscription.history(limit=0)
        assert (top.publications, top.offset) == ([], 10)
        seen: list[int] = []
        since = centrifuge.StreamPosition(0, top.epoch)
        while page := (await subscription.history(limit=4, since=since)).publications:
            seen += [publication.data["n"] for publication in page]
            since = centrifuge.StreamPosition(page[-1].offset, top.epoch)
        assert seen == list(range(10))
        newest = await subscription.history(limit=3, reverse=True)
        assert [publication.data["n"] for publication in newest.publications] == [9, 8, 7]
        older = await subscription.history(limit=3, since=centrifuge.StreamPosition(8, top.epoch), reverse=True)
        assert [publication.data["n"] for publication in older.publications] == [6, 5, 4]
        everything = await subscription.history(limit=-1)
        assert len(everything.publications) == 10
        with pytest.raises(centrifuge.ReplyError) as refused:
            await subscription.history(limit=1, since=centrifuge.StreamPosition(1, "othertop"))
        assert refused.value.code == 112


async def test_rpc_answers_results_and_errors(site: Site) -> None:
    async with client_of(site) as client:
        assert (await client.rpc("add", {"a": 1, "b": 2})).data == {"sum": 3, "user": "ada"}
        assert (await client.rpc("add_async", {"a": 1, "b": 2})).data == 3
        assert (await client.rpc("echo", {"x": ["é", None]})).data == {"x": ["é", None]}
        for method, data, code, temporary in (
            ("nothing", {}, 104, False),
            ("full", {}, 1200, False),
            ("broken", {}, 100, True),
            ("add", {"a": "one"}, 107, False),
        ):
            with pytest.raises(centrifuge.ReplyError) as refused:
                await client.rpc(method, data)
            assert (refused.value.code, refused.value.temporary) == (code, temporary)


async def test_pings_keep_a_silent_client_connected(strict_site: Site) -> None:
    events = Connection()
    async with client_of(strict_site, events=events, max_server_ping_delay=1.0) as client:
        await client.ready(5)
        await asyncio.sleep(3)
        assert (await client.rpc("echo", 1)).data == 1
    assert events.connected_count == 1


async def test_a_client_that_lost_its_connection_recovers_without_gaps_and_duplicates(site: Site) -> None:
    """Publications go on while the connection is cut again and again."""
    events = Connection()
    async with proxy_to(site.server.port) as proxy, client_of(site, port=proxy.port, events=events) as client:
        _, seen = await subscribe(client, "chat:recovery", recoverable=True)
        count = 0
        for cut in range(60):
            await site.publish("chat:recovery", count, repeat=5)
            count += 5
            if cut % 12 == 6:
                assert proxy.cut() > 0
            await asyncio.sleep(0.02)
        await until(lambda: len(seen.publications) >= count)
        await site.publish("chat:recovery", count, repeat=1)
        await until(lambda: len(seen.publications) > count)
    assert [data["n"] for data in seen.publications] == list(range(count + 1))
    assert seen.offsets == list(range(1, count + 2))
    assert events.connected_count == 6
    assert [ctx.recovered for ctx in seen.subscribed[1:]] == [True] * 5


async def test_a_client_that_missed_more_than_the_history_is_told(site: Site) -> None:
    events = Connection()
    async with proxy_to(site.server.port) as proxy, client_of(site, port=proxy.port, events=events) as client:
        _, seen = await subscribe(client, "short:missed", recoverable=True)
        await site.publish("short:missed", 0, repeat=1)
        await until(lambda: len(seen.publications) == 1)
        proxy.cut()
        await site.publish("short:missed", 1, repeat=10)
        await until(lambda: len(seen.subscribed) == 2)
        assert (seen.subscribed[1].was_recovering, seen.subscribed[1].recovered) == (True, False)
        await site.publish("short:missed", 11, repeat=1)
        await until(lambda: seen.publications[-1] == {"n": 11})
    assert [data["n"] for data in seen.publications] == [0, 11]


async def test_a_server_that_lost_its_streams_says_so_by_a_new_epoch(start_site: Callable[..., Site]) -> None:
    site = start_site()
    events = Connection()
    async with client_of(site, events=events) as client:
        _, seen = await subscribe(client, "chat:epoch", recoverable=True)
        await site.publish("chat:epoch", 0, repeat=3)
        await until(lambda: len(seen.publications) == 3)
        port = site.server.port
        await asyncio.to_thread(site.server.stop)
        restarted = await asyncio.to_thread(start_site, port=port)
        await until(lambda: len(seen.subscribed) == 2, timeout_s=25)
        assert (seen.subscribed[1].was_recovering, seen.subscribed[1].recovered) == (True, False)
        await restarted.publish("chat:epoch", 10, repeat=1)
        await until(lambda: len(seen.publications) == 4)
    assert [data["n"] for data in seen.publications] == [0, 1, 2, 10]
    assert seen.offsets == [1, 2, 3, 1]
    assert events.disconnected == [(0, "disconnect called")]


async def test_a_latest_channel_starts_with_a_snapshot_and_keeps_the_last_value_of_each_key(site: Site) -> None:
    for price in range(5):
        await site.publish("prices:keyed", {"oil": price}, key="oil")
    await site.publish("prices:keyed", {"tin": 7}, key="tin")
    async with client_of(site) as client:
        _, seen = await subscribe(client, "prices:keyed")
        await until(lambda: len(seen.publications) == 2)
        assert sorted(map(str, seen.publications)) == ["{'oil': 4}", "{'tin': 7}"]
        await site.publish("prices:keyed", {"oil": 5}, key="oil")
        await until(lambda: len(seen.publications) == 3)
        assert seen.publications[-1] == {"oil": 5}


async def test_a_latest_channel_conflates_what_comes_faster_than_its_rate(site: Site) -> None:
    async with client_of(site) as client:
        _, seen = await subscribe(client, "prices:fast")
        await site.publish("prices:fast", 0, repeat=100, key="oil")
        await site.publish("prices:fast", 100, repeat=100, key="oil")
        await until(lambda: bool(seen.publications) and seen.publications[-1] == {"n": 199})
    prices = [data["n"] for data in seen.publications]
    assert prices == sorted(set(prices))
    assert len(prices) < 20


async def test_an_own_source_sends_a_snapshot_then_changes_that_join_up_at_the_channels_rate(site: Site) -> None:
    async with client_of(site) as client:
        subscription, seen = await subscribe(client, "ticks:one")
        await until(lambda: len(seen.publications) >= 6)
        assert (await site.get("/state")).json()["open_sources"] == 1
        await subscription.unsubscribe()
        first, *changes = seen.publications
        version = first["full"]
        for change in changes:
            assert change["since"] == version
            assert change["now"] > version
            version = change["now"]
        # 50 ticks a second are conflated to 10 frames a second.
        assert max(change["now"] - change["since"] for change in changes) >= 3
        async with asyncio.timeout(5):
            while (await site.get("/state")).json()["open_sources"]:  # noqa: ASYNC110  of another process
                await asyncio.sleep(0.02)
