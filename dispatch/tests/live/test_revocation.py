"""Open connections of users who may not see a fleet any more.

A group that was taken off a fleet kept its live map until its members happened to reconnect: hours of positions of
vehicles that were no longer their business.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dispatch.tests.live.conftest import Site
from vola.django import running
from vola.django.executor import DjangoExecutor
from vola.errors import Disconnect


class Node:
    """Remembers whose connections were ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.told: set[tuple[str, int]] = set()

    def disconnect_user(self, user_id: str, *, disconnect: Disconnect) -> int:
        self.told.add((user_id, disconnect.code))
        return 1

    def ended(self) -> set[tuple[str, int]]:
        """What was asked so far, since the last time."""
        self.loop.run_until_complete(asyncio.sleep(0))
        told, self.told = self.told, set()
        return told


@pytest.fixture
def node() -> Iterator[Node]:
    loop = asyncio.new_event_loop()
    node = Node(loop)
    executor = DjangoExecutor(loop, threads=1, queue=1, timeout_s=1.0)
    publish: running.Publish = lambda *_: None  # noqa: E731 - nothing is published here
    running.set_running(running.Running(node=node, executor=executor, publish=publish, loop=loop))  # type: ignore[arg-type]
    yield node
    running.set_running(None)
    executor.stop(wait_s=1.0)
    loop.close()


@pytest.mark.parametrize(
    "take_away",
    [
        lambda site: site.north.groups.remove(site.seer.groups.first()),
        lambda site: site.north.groups.set([]),
        lambda site: site.north.groups.clear(),
        lambda site: site.seer.groups.first().fleets.remove(site.north),
        lambda site: site.seer.groups.first().fleets.clear(),
    ],
    ids=["remove", "set", "clear", "from the group", "clear the group"],
)
def test_taking_a_fleet_from_a_group_ends_the_connections_of_its_members(
    site: Site, node: Node, take_away: Callable[[Site], Any], django_capture_on_commit_callbacks: Any
) -> None:
    node.ended()
    with django_capture_on_commit_callbacks(execute=True):
        take_away(site)
    ended = node.ended()
    assert (str(site.seer.pk), 3011) in ended
    assert ended <= {(str(site.seer.pk), 3011), (str(site.retired.pk), 3011)}


def test_giving_a_fleet_to_a_group_ends_nothing(
    site: Site, node: Node, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        site.south.groups.add(*site.seer.groups.all())
    assert node.ended() == set()
