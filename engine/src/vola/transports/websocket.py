"""WebSocket connections: the upgrade as uvicorn's `ws` protocol, then frames between picows and a session.

Messages are text frames of JSON. Fragmented messages are put together up to the frame limit; compression is not
offered. A closing handshake waits a bounded time for the peer. What a peer does wrong ends its own connection and is
counted.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import parse_qs, unquote

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from vola.core.node import Node
from vola.core.ports import Handshake
from vola.core.session import Session
from vola.errors import CLOSE_PROTOCOL_ERROR, DISCONNECT_SLOW, Disconnect, FrameTooLarge, MalformedFrame
from vola.transports.picows_handover import hand_over

__all__ = ["WebSocketConnection", "WebSocketEndpoint"]

# RFC 6455: a control frame holds 125 bytes, two of a close frame are its code.
CLOSE_REASON_MAX_BYTES: Final = 123
JSON_SUBPROTOCOL: Final = "centrifuge-json"


class WebSocketEndpoint:
    """The WebSocket door of a node: what it accepts and who is connected.

    Args:
        path: the only path that upgrades are accepted on; others get 404.
        connections_max: open connections; beyond them 503. 0: no bound.
        close_wait_s: how long a closing handshake waits for the peer.
    """

    def __init__(
        self, node: Node, *, path: str = "/connection/websocket", connections_max: int = 0, close_wait_s: float = 5.0
    ) -> None:
        self.node = node
        self.path = path
        self.connections_max = connections_max
        self.close_wait_s = close_wait_s
        self.connections: set[WebSocketConnection] = set()
        self.emptied = asyncio.Event()
        self.emptied.set()
        self.is_draining = False

    def refusal(self, handshake: Handshake, offered: list[str]) -> HTTPStatus | None:
        """Why a request is not upgraded; None if it is."""
        if handshake.path != self.path:
            return HTTPStatus.NOT_FOUND
        if self.is_draining or 0 < self.connections_max <= len(self.connections):
            return HTTPStatus.SERVICE_UNAVAILABLE
        query = parse_qs(handshake.query)
        wants_json = (offered == [] or JSON_SUBPROTOCOL in offered) and "protobuf" not in (
            *query.get("format", ()),
            *query.get("cf_protocol", ()),
        )
        return None if wants_json else HTTPStatus.NOT_IMPLEMENTED

    def create_protocol(self, config: object, server_state: object, app_state: object) -> asyncio.Protocol:
        """What uvicorn calls for each upgrade request."""
        del config, server_state, app_state
        return _Upgrade(self)

    def abort_all(self) -> int:
        """Drop every connection without a word. Returns how many there were."""
        connections = tuple(self.connections)
        for connection in connections:
            connection.abort()
        return len(connections)


class _Upgrade(asyncio.Protocol):
    """One upgrade request, until the socket is picows'.

    uvicorn puts this protocol on the transport only after it has handed over the request, so the socket can be passed
    on in the next turn of the loop at the earliest.
    """

    def __init__(self, endpoint: WebSocketEndpoint) -> None:
        self._endpoint = endpoint
        self._transport: asyncio.Transport | None = None
        self._early: bytearray | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        if self._early is not None:
            self._early += data  # the peer did not wait for the answer
            if len(self._early) > self._endpoint.node.limits.frame_max_bytes:
                self._refuse(HTTPStatus.BAD_REQUEST)
            return
        self._early = bytearray()
        head, _, _ = data.partition(b"\r\n\r\n")
        request_line, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = request_line.split(" ")
        path, _, query = target.partition("?")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(": ")
            separator = "; " if name == "cookie" else ", "
            headers[name] = value if name not in headers else headers[name] + separator + value
        handshake = Handshake(headers=headers, path=unquote(path), query=query, peer=self._peer())
        offered = [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",") if name.strip()]
        status = self._endpoint.refusal(handshake, offered) if method == "GET" else HTTPStatus.METHOD_NOT_ALLOWED
        if status is not None:
            self._refuse(status)
            return
        asyncio.get_running_loop().call_soon(self._hand_over, handshake, JSON_SUBPROTOCOL if offered else None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def _peer(self) -> str:
        assert self._transport is not None
        peer: Any = self._transport.get_extra_info("peername")
        return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else ""

    def _refuse(self, status: HTTPStatus) -> None:
        if self._transport is None:
            return
        self._endpoint.node.counters.malformed[f"http_{status.value}"] += 1
        body = f"{status.value} {status.phrase}\n"
        self._transport.write(
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
        )
        self._transport.close()
        self._transport = None

    def _hand_over(self, handshake: Handshake, subprotocol: str | None) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        assert self._early is not None
        hand_over(
            transport,
            WebSocketConnection(self._endpoint, handshake),
            key=handshake.headers.get("sec-websocket-key", ""),
            version=handshake.headers.get("sec-websocket-version", ""),
            subprotocol=subprotocol,
            frame_max_bytes=self._endpoint.node.limits.frame_max_bytes,
            early=bytes(self._early),
        )


class WebSocketConnection(WSListener):
    """One open WebSocket: implements `ports.Transport` and gets picows' events."""

    __slots__ = ("_endpoint", "_fragments", "_handshake", "_is_closing", "_session", "_wire")

    def __init__(self, endpoint: WebSocketEndpoint, handshake: Handshake) -> None:
        self._endpoint = endpoint
        self._handshake: Handshake | None = handshake
        self._session: Session | None = None
        self._wire: WSTransport | None = None
        self._fragments: bytearray | None = None
        self._is_closing = False

    # ports.Transport ----------------------------------------------------------------------------------------------

    def send(self, frame: bytes) -> None:
        """Send one text message."""
        assert self._wire is not None
        self._wire.send(WSMsgType.TEXT, frame)

    def buffered_bytes(self) -> int:
        """Bytes that the kernel has not taken yet."""
        assert self._wire is not None
        buffered: int = self._wire.underlying_transport.get_write_buffer_size()
        return buffered

    def close(self, disconnect: Disconnect) -> None:
        """Send the close frame and give the peer a while to answer it."""
        if self._is_closing or self._wire is None:
            return
        self._is_closing = True
        reason = disconnect.reason.encode()[:CLOSE_REASON_MAX_BYTES].decode(errors="ignore").encode()
        code: Any = disconnect.code  # picows' enum names only the codes of RFC 6455; it sends any
        self._wire.send_close(code, reason)
        asyncio.get_running_loop().call_later(self._endpoint.close_wait_s, self.abort)

    def abort(self) -> None:
        """Drop the connection at once. Harmless when it is gone."""
        if self._wire is not None:
            self._wire.disconnect(graceful=False)

    # picows' events -----------------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade has been answered."""
        assert self._handshake is not None
        self._wire = transport
        self._endpoint.connections.add(self)
        self._endpoint.emptied.clear()
        self._session = self._endpoint.node.open_session(transport=self, handshake=self._handshake)
        self._handshake = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One frame from the peer."""
        session = self._session
        if frame.msg_type == WSMsgType.CLOSE:
            self._answer_close(transport, frame)
        elif session is None or transport.is_close_frame_sent:
            return  # picows goes on parsing for a moment after it has refused a frame
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            session.reject(MalformedFrame("reserved bits", disconnect=CLOSE_PROTOCOL_ERROR))
        elif frame.msg_type == WSMsgType.TEXT and frame.fin and self._fragments is None:
            session.receive(frame.get_payload_as_bytes())
        elif frame.msg_type in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._take_fragment(session, frame)
        elif frame.msg_type == WSMsgType.BINARY:
            session.refuse_frame("binary_frame")
        elif frame.msg_type == WSMsgType.PING:
            if session.backlog_bytes() > self._endpoint.node.limits.queue_max_bytes:
                session.close(DISCONNECT_SLOW)
            else:
                transport.send_pong(frame.get_payload_as_bytes())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is gone."""
        session, self._session = self._session, None
        self._wire = None
        self._endpoint.connections.discard(self)
        if not self._endpoint.connections:
            self._endpoint.emptied.set()
        if session is not None:
            if transport.is_close_frame_sent and not self._is_closing:
                # picows ended it over a frame that breaks RFC 6455.
                self._endpoint.node.counters.malformed["websocket_frame"] += 1
            session.transport_lost()

    def pause_writing(self) -> None:
        """The socket is full. What waits is measured when something is to be sent; nothing to do."""

    def resume_writing(self) -> None:
        """The socket takes data again; nothing to do."""

    def _take_fragment(self, session: Session, frame: WSFrame) -> None:
        is_first = frame.msg_type == WSMsgType.TEXT
        if is_first is not (self._fragments is None):
            session.reject(MalformedFrame("fragments out of order", disconnect=CLOSE_PROTOCOL_ERROR))
            return
        if self._fragments is None:
            self._fragments = bytearray()
        self._fragments += frame.get_payload_as_bytes()
        limit_bytes = self._endpoint.node.limits.frame_max_bytes
        if len(self._fragments) > limit_bytes:
            session.reject(FrameTooLarge(size_bytes=len(self._fragments), limit_bytes=limit_bytes))
        elif frame.fin:
            message, self._fragments = bytes(self._fragments), None
            session.receive(message)

    def _answer_close(self, transport: WSTransport, frame: WSFrame) -> None:
        if not transport.is_close_frame_sent:
            self._is_closing = True
            code: Any = frame.get_close_code()
            transport.send_close(code or WSCloseCode.OK)
            if self._session is not None:
                self._session.transport_lost()
        transport.disconnect()
