"""One keep-alive HTTP connection of a device: a request goes out, its answer comes back, one at a time.

A thin asyncio protocol around httptools' parser instead of a client library, because a loader that sends ten thousand
requests a second must not be the bottleneck of what it measures. Redirects, TLS, chunked requests and pipelining are
left out.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools

from dispatch.feeding.errors import AddressUnusableError

__all__ = ["Address", "Answer", "Lane", "parse_address"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens."""

    host: str
    port: int

    @property
    def host_header(self) -> str:
        """The value of the ``Host`` header."""
        return f"{self.host}:{self.port}"


def parse_address(url: str) -> Address:
    """The host and port of ``http://host:port``.

    Raises:
        AddressUnusableError: another scheme, a path, or no host.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError as error:
        raise AddressUnusableError(url) from error
    if parts.scheme != "http" or not parts.hostname or parts.path not in {"", "/"}:
        raise AddressUnusableError(url)
    return Address(host=parts.hostname, port=port)


@dataclass(slots=True)
class Answer:
    """A response: status, headers by lower-case name, body."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Lane(asyncio.Protocol):
    """One connection: ``answered(lane, answer)`` for each response, ``lost(lane)`` once, when it is gone."""

    def __init__(self, *, answered: Callable[["Lane", Answer], None], lost: Callable[["Lane"], None]) -> None:
        self._answered = answered
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer = Answer()
        self._body: list[bytes] = []
        self.is_busy = False
        self.is_open = False

    def send(self, request: bytes) -> None:
        """Write one request; the lane must be open and not busy."""
        assert self._transport is not None
        assert self.is_open
        assert not self.is_busy
        self.is_busy = True
        self._transport.write(request)

    def close(self) -> None:
        """Give the connection up at once; ``lost`` follows."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's does not say so itself
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.is_open = False
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; what is not HTTP ends the connection."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: one header."""
        self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """httptools: a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """httptools: the answer is whole."""
        answer, self._answer = self._answer, Answer()
        answer.status = self._parser.get_status_code()
        answer.body, self._body = b"".join(self._body), []
        self.is_busy = False
        if not self._parser.should_keep_alive():
            self.is_open = False
            self.close()
        self._answered(self, answer)
