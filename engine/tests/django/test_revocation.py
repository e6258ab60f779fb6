import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import connections, transaction

from vola.django import running
from vola.django.executor import DjangoExecutor
from vola.errors import Disconnect


class Node:
    """Remembers whose connections were ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, int]] = []

    def disconnect_user(self, user_id: str, *, disconnect: Disconnect) -> int:
        self.ended.append((user_id, disconnect.code))
        return 1


@pytest.fixture
async def node(executor: DjangoExecutor) -> AsyncIterator[Node]:
    node = Node()
    loop = asyncio.get_running_loop()
    publish: running.Publish = lambda *_: None  # noqa: E731  nothing is published here
    running.set_running(running.Running(node=node, executor=executor, publish=publish, loop=loop))  # type: ignore[arg-type]
    yield node
    running.set_running(None)


async def in_thread(function: Callable[[], Any]) -> Any:
    def run() -> Any:
        try:
            return function()
        finally:
            connections.close_all()

    answer = await asyncio.to_thread(run)
    await asyncio.sleep(0)
    return answer


@pytest.fixture
async def user(transactional_db: None, user_with: Callable[..., Any]) -> Any:
    return await in_thread(user_with)


def _deactivate(user: Any) -> None:
    user.is_active = False
    user.save()


def _change_group(user: Any) -> None:
    group = Group.objects.create(name="dispatchers")
    user.groups.add(group)
    group.permissions.add(Permission.objects.get(codename="view_group"))


def _empty_group(user: Any) -> None:
    """Nobody was told of that, nor of the next: open subscriptions outlived the right to them."""
    group = Group.objects.create(name="dispatchers")
    user.groups.add(group)
    group.user_set.clear()


def _empty_permission(user: Any) -> None:
    permission = Permission.objects.get(codename="view_group")
    user.user_permissions.add(permission)
    permission.user_set.clear()


def _delete_group(user: Any) -> None:
    group = Group.objects.create(name="dispatchers")
    user.groups.add(group)
    group.delete()


@pytest.mark.parametrize(
    ("change", "times"),
    [
        (lambda user: user_logged_out.send(type(user), user=user, request=None), 1),
        (_deactivate, 1),
        (lambda user: user.user_permissions.add(Permission.objects.get(codename="view_group")), 1),
        (_change_group, 2),
        (_empty_group, 2),
        (_delete_group, 2),
        (_empty_permission, 2),
    ],
    ids=["logout", "deactivation", "permission", "group", "emptied group", "deleted group", "emptied permission"],
)
async def test_what_changes_a_users_rights_ends_the_users_connections(
    node: Node, user: Any, change: Callable[[Any], object], times: int
) -> None:
    node.ended.clear()
    await in_thread(lambda: change(user))
    assert node.ended == [(str(user.pk), 3011)] * times


async def test_deleting_a_user_ends_the_users_connections(node: Node, user: Any) -> None:
    user_id = str(user.pk)
    node.ended.clear()
    await in_thread(user.delete)
    assert (user_id, 3011) in node.ended


async def test_signing_in_elsewhere_ends_nothing(node: Node, user: Any) -> None:
    node.ended.clear()
    await in_thread(lambda: user_logged_in.send(type(user), user=user, request=None))
    assert node.ended == []


async def test_a_change_that_is_rolled_back_ends_nothing(node: Node, user: Any) -> None:
    def change() -> None:
        with transaction.atomic():
            user.user_permissions.add(Permission.objects.get(codename="view_group"))
            transaction.set_rollback(True)

    node.ended.clear()
    await in_thread(change)
    assert node.ended == []
