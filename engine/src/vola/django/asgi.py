"""The ASGI application that `manage.py vola serve` serves: lifespan, health, hot routes, then Django.

Django answers no lifespan messages, so this does; starting and stopping the project's services is the composition's
business (vola.django.runtime). The client protocol's WebSocket never comes here, the server takes it before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import msgspec

__all__ = ["HEALTH_PATH", "AsgiApp", "Dispatcher", "Receive", "Scope", "Send"]

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

HEALTH_PATH: Final = "/health"


class Dispatcher:
    """Chooses the application of a request by its path.

    Args:
        fallback: Django's application, which gets everything that no route takes.
        routes: path prefix -> application; the longest matching prefix wins; the scope is handed on unchanged.
        health: what GET /health answers, as a JSON object with "status"; anything but "ok" is answered with 503.
    """

    def __init__(
        self, fallback: AsgiApp, *, routes: Mapping[str, AsgiApp], health: Callable[[], Mapping[str, object]]
    ) -> None:
        self._fallback = fallback
        self._routes = tuple(sorted(routes.items(), key=lambda route: -len(route[0])))
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI wants it."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            # Only a WebSocket on a path of nobody comes this far.
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == HEALTH_PATH:
            await self._answer_health(send, with_body=scope["method"] != "HEAD")
            return
        for prefix, app in self._routes:
            if path.startswith(prefix):
                await app(scope, receive, send)
                return
        await self._fallback(scope, receive, send)

    async def _answer_health(self, send: Send, *, with_body: bool) -> None:
        health = self._health()
        body = msgspec.json.encode(health)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        status = 200 if health.get("status") == "ok" else 503
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body if with_body else b""})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
