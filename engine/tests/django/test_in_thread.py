"""A whole server in this process: the Django door, the node and a real socket together."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import websockets
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.test import override_settings

from vola.django import Channel, NodeNotRunning, anyone, counters, publish
from vola.django.channels import registry
from vola.testing import run_in_thread

SETTINGS = {"ALLOW_ANONYMOUS": True, "AUTHENTICATORS": ["vola.django.auth.SessionAuthenticator"]}


class News(Channel):
    pattern = "news:{topic}"
    may_subscribe = anyone


@pytest.fixture(autouse=True)
def _channels() -> Iterator[None]:
    with registry.only(News), override_settings(VOLA=SETTINGS, ASGI_APPLICATION="vola.django.asgi.Dispatcher"):
        yield


async def _receive(connection: websockets.ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(10):
        answer: dict[str, Any] = json.loads(await connection.recv())
        return answer


def _publish_in_transaction(topic: str) -> None:
    with transaction.atomic():
        publish(News(topic=topic), {"undone": True})
        transaction.set_rollback(True)
    with transaction.atomic():
        publish(News(topic=topic), {"done": True})
    connections.close_all()


def test_what_a_thread_publishes_in_a_transaction_reaches_a_subscriber(transactional_db: None) -> None:
    async def subscribe_and_wait(ws_url: str) -> dict[str, Any]:
        async with websockets.connect(ws_url, proxy=None) as connection:
            await connection.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"news:local"}}')
            while (await _receive(connection)).get("id") != 2:
                pass
            await asyncio.to_thread(_publish_in_transaction, "local")
            return await _receive(connection)

    with run_in_thread() as server:
        assert counters().connections == 0
        push = asyncio.run(subscribe_and_wait(server.ws_url))["push"]
        assert push == {"channel": "news:local", "pub": {"data": {"done": True}}}
    with pytest.raises(NodeNotRunning):
        publish(News(topic="local"), 1)


def test_a_project_that_cannot_be_served_says_why() -> None:
    class Wrong(Channel):
        pattern = "a:{x:float}"

    registry.register(Wrong)
    with pytest.raises(ImproperlyConfigured, match="unknown type 'float'"), run_in_thread():
        pass
