"""Publishing from other threads."""

import asyncio
import threading

import pytest

from engine.tests.core.world import World
from vola.errors import HandoverFull
from vola.server.handover import HandedPublication, PublishHandover


def watched(world: World) -> list[bytes]:
    seen: list[bytes] = []
    world.node.broker.subscribe("news", lambda _: None)
    world.node.deliver = lambda channel, publication: seen.append(publication.data)  # type: ignore[method-assign]
    return seen


async def test_a_burst_of_threads_arrives_whole_and_in_order() -> None:
    world = World()
    seen = watched(world)
    handover = PublishHandover(world.node, waiting_max=10_000, slice_max=64)
    loop = asyncio.get_running_loop()
    wakes: list[int] = []

    class CountingLoop:
        def call_soon_threadsafe(self, callback: object) -> None:
            wakes.append(1)
            loop.call_soon_threadsafe(callback)  # type: ignore[arg-type]

    handover.attach(CountingLoop())  # type: ignore[arg-type]

    def publish(name: int) -> None:
        for n in range(500):
            handover.publish(HandedPublication("news", b"[%d,%d]" % (name, n)))

    threads = [threading.Thread(target=publish, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()  # the loop stands still: all of it waits
    assert len(wakes) == 1
    for _ in range(-(-2_000 // 64) * 2):
        await asyncio.sleep(0)
    assert len(seen) == 2_000
    assert len(wakes) == -(-2_000 // 64)
    for name in range(4):
        assert [data for data in seen if data.startswith(b"[%d," % name)] == [
            b"[%d,%d]" % (name, n) for n in range(500)
        ]


def test_what_waits_is_bounded_and_survives_a_missing_loop() -> None:
    world = World()
    seen = watched(world)
    handover = PublishHandover(world.node, waiting_max=2, slice_max=1)
    handover.publish(HandedPublication("news", b"1"))
    handover.publish(HandedPublication("news", b"2"))
    with pytest.raises(HandoverFull):
        handover.publish(HandedPublication("news", b"3"))
    assert seen == []
    handover.drain()
    assert seen == [b"1", b"2"]


async def test_a_refused_publication_is_counted_and_the_others_go_on() -> None:
    world = World()
    seen = watched(world)
    handover = PublishHandover(world.node, waiting_max=10, slice_max=10)
    handover.publish(HandedPublication("unknown", b"1"))
    handover.publish(HandedPublication("news", b"2"))
    handover.attach(asyncio.get_running_loop())
    await asyncio.sleep(0.01)
    handover.detach()
    handover.publish(HandedPublication("news", b"3"))
    await asyncio.sleep(0.01)
    assert seen == [b"2"]
    assert world.node.snapshot().faults == {"unknown_channel": 1}
