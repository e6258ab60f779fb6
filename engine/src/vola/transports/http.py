"""HTTP as uvicorn speaks it, with bounds on what a peer may send before it is answered and on the time it may take.

uvicorn waits for ever for the rest of a request and keeps any number of header lines. Here a peer that is too slow or
too verbose is told so and hung up on; what is left to applications is the size of bodies. The time runs from a
request's first byte (from the connection, for the first one) to its head's last, and then to its body's last. An answer
under way is not timed.
"""

import asyncio
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from vola.core.counters import Counters

__all__ = ["HttpEndpoint"]


class HttpEndpoint:
    """Makes the protocol objects of one server.

    Args:
        counters: refusals are counted in `malformed`, by status ("http_408").
        head_max_bytes: request line and headers together.
        head_timeout_s: until a request's head is complete.
        body_timeout_s: from there until its body is.
    """

    def __init__(
        self, counters: Counters, *, head_max_bytes: int, head_timeout_s: float, body_timeout_s: float
    ) -> None:
        self.counters = counters
        self.head_max_bytes = head_max_bytes
        self.head_timeout_s = head_timeout_s
        self.body_timeout_s = body_timeout_s

    def create_protocol(self, **given: Any) -> HttpToolsProtocol:
        """For uvicorn's `http` setting."""
        return _BoundedHttp(self, **given)


class _BoundedHttp(HttpToolsProtocol):
    """One connection."""

    def __init__(self, endpoint: HttpEndpoint, **given: Any) -> None:
        super().__init__(**given)
        self._endpoint = endpoint
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._is_in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_deadline(self._endpoint.head_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # What came with the head's last byte may be body, so the head is judged only while it goes on.
        if self._is_in_head and self._head_bytes > self._endpoint.head_max_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._is_in_head:
            self._is_in_head = True
            self._head_bytes = 0
            self._set_deadline(self._endpoint.head_timeout_s)

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._set_deadline(self._endpoint.body_timeout_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._clear_deadline()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._clear_deadline()
        super().handle_websocket_upgrade()

    def _set_deadline(self, delay_s: float) -> None:
        self._clear_deadline()
        self._deadline = self.loop.call_later(delay_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus) -> None:
        """Say why, unless an application is answering already, and hang up."""
        self._clear_deadline()
        if self.transport.is_closing():
            return
        self._endpoint.counters.malformed[f"http_{status.value}"] += 1
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None until the first request
        if self._is_in_head and (cycle is None or cycle.response_complete):
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                % (status.value, status.phrase.encode("ascii"))
            )
        self.transport.close()
