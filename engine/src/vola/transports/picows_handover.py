"""Handing an accepted socket to picows: the only module that uses its WSProtocol, which is not public API.

picows frames and unmasks in C. Its public way in is a server of its own; here the HTTP server has already read the
upgrade request, so a protocol object is made as picows' own server would make it, is put on the transport, and gets a
minimal upgrade request through the buffer it reads from. `engine/tests/transports/test_picows_handover.py` fails when
the class changes.
"""

import asyncio
import logging
from typing import Any

from picows import WSAutoPingStrategy, WSListener, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not public: see above

__all__ = ["PROTOCOL_ARGUMENTS", "hand_over"]

# The constructor's parameters, in order: the shape that this module relies on.
PROTOCOL_ARGUMENTS = (
    "host_port",
    "ws_path",
    "is_client_side",
    "ws_listener_factory",
    "logger",
    "disconnect_on_exception",
    "websocket_handshake_timeout",
    "enable_auto_ping",
    "auto_ping_idle_timeout",
    "auto_ping_reply_timeout",
    "auto_ping_strategy",
    "enable_auto_pong",
    "max_frame_size",
    "extra_headers",
    "read_buffer_init_size",
)


class _PeerErrors(logging.LoggerAdapter[logging.Logger]):
    """What a peer does wrong is counted by the transport; in the log it is a debugging matter. Our own faults stay
    loud.

    One adapter for all connections: with a plain logger picows would make a child logger for each.
    """

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        self.debug(msg, *args, **kwargs)

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        self.debug(msg, *args, **kwargs)


_LOGGER = _PeerErrors(logging.getLogger("vola.websocket"), {})


def hand_over(
    transport: asyncio.Transport,
    listener: WSListener,
    *,
    key: str,
    version: str,
    subprotocol: str | None,
    frame_max_bytes: int,
    early: bytes = b"",
) -> None:
    """Let picows answer the upgrade and speak WebSocket on `transport` from now on.

    Args:
        listener: gets the connection's events.
        key, version: the request's Sec-WebSocket-Key and -Version, as they came; picows refuses wrong ones with 400.
        subprotocol: to be confirmed to the client.
        frame_max_bytes: longer frames end the connection with 1009.
        early: bytes that came after the upgrade request.
    """

    def accept(_: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        headers = {} if subprotocol is None else {"Sec-WebSocket-Protocol": subprotocol}
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_101_response(headers), listener)

    protocol = WSProtocol(
        None,  # host_port: of clients
        None,  # ws_path: of clients
        False,  # noqa: FBT003  is_client_side; the class takes positions only
        accept,
        _LOGGER,
        True,  # noqa: FBT003  disconnect_on_exception
        None,  # websocket_handshake_timeout: the request is already here
        False,  # noqa: FBT003  enable_auto_ping: the engine pings by its own protocol
        10,
        10,
        WSAutoPingStrategy.PING_WHEN_IDLE,
        False,  # noqa: FBT003  enable_auto_pong: answered by the listener, which bounds what it sends
        frame_max_bytes,
        None,
        0,  # read_buffer_init_size: the class takes 2 KiB at least
    )
    protocol.connection_made(transport)
    transport.set_protocol(protocol)
    # Values come from a parsed HTTP header, so they hold no line breaks.
    request = (
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        f"Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )
    _feed(protocol, request.encode("latin-1") + early)


def _feed(protocol: WSProtocol, data: bytes) -> None:
    view = memoryview(data)
    while view:
        buffer = protocol.get_buffer(-1)
        count = min(len(buffer), len(view))
        buffer[:count] = view[:count]
        protocol.buffer_updated(count)
        view = view[count:]
