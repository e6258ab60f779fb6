"""A connection that speaks the client protocol (JSON) over picows: connect, commands, replies, pushes, pongs."""

from collections.abc import Callable, Mapping

import msgspec
import picows

__all__ = ["Connection", "Push", "Reply", "open_connection"]


class ErrorReply(msgspec.Struct):
    """A reply's error."""

    code: int = 0
    message: str = ""


class Publication(msgspec.Struct):
    """A publication; ``data`` is raw JSON."""

    data: msgspec.Raw = msgspec.Raw(b"null")


class Push(msgspec.Struct):
    """A push of a publication."""

    channel: str = ""
    pub: Publication | None = None


class SubscribeResult(msgspec.Struct):
    """A subscribe's result: the snapshot comes as publications."""

    publications: list[Publication] = []


class Answer(msgspec.Struct):
    """What ``dispatch.report_fix`` answers."""

    verdict: str = ""


class RpcResult(msgspec.Struct):
    """An RPC's result."""

    data: Answer


class Reply(msgspec.Struct):
    """Whatever comes in."""

    id: int = 0
    error: ErrorReply | None = None
    push: Push | None = None
    subscribe: SubscribeResult | None = None
    rpc: RpcResult | None = None


_decode = msgspec.json.Decoder(Reply).decode


class Connection(picows.WSListener):
    """One WebSocket. ``replied`` gets every reply with an id, ``pushed`` every publication."""

    def __init__(self, *, connect: bytes, replied: Callable[[Reply], None], pushed: Callable[[Push], None]) -> None:
        self._connect = connect
        self._replied = replied
        self._pushed = pushed
        self.transport: picows.WSTransport | None = None
        self.is_lost = False

    def send(self, frame: bytes) -> None:
        """Send one frame of commands; nothing when the connection is gone."""
        if self.transport is not None and not self.is_lost:
            self.transport.send(picows.WSMsgType.TEXT, frame)

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """picows: open."""
        self.transport = transport
        self.send(b'{"id":1,"connect":%b}' % self._connect)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """picows: a frame, which holds one or more replies."""
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.disconnect()
            return
        for line in frame.get_payload_as_bytes().split(b"\n"):
            if line == b"{}":
                self.send(b"{}")
            elif line:
                reply = _decode(line)
                if reply.push is not None:
                    self._pushed(reply.push)
                else:
                    self._replied(reply)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """picows: gone."""
        self.is_lost = True


async def open_connection(
    url: str,
    *,
    connect: bytes,
    headers: Mapping[str, str],
    replied: Callable[[Reply], None],
    pushed: Callable[[Push], None],
) -> Connection:
    """Open a connection and send the connect command; its reply goes to ``replied`` (id 1).

    Args:
        url: ``ws://...``.
        connect: the connect command's JSON.
        headers: of the handshake.
        replied, pushed: called on the loop.
    """
    _, connection = await picows.ws_connect(
        lambda: Connection(connect=connect, replied=replied, pushed=pushed), url, extra_headers=dict(headers)
    )
    assert isinstance(connection, Connection)
    return connection
