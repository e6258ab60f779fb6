"""The JSON encoding: one object a line, any number of lines a frame.

Source: Centrifugo client protocol v2, JSON framing.
"""

from collections.abc import Sequence

import msgspec

from vola.errors import CLOSE_INVALID_TEXT, FrameTooLarge, MalformedFrame
from vola.protocol.messages import Command, Reply
from vola.protocol.payload import is_utf8

__all__ = ["JsonCodec"]

_DECODER = msgspec.json.Decoder(Command)
_ENCODER = msgspec.json.Encoder()


class JsonCodec:
    """Encodes and decodes the JSON variant.

    Args:
        frame_max_bytes: the largest frame taken in.
    """

    __slots__ = ("_frame_max_bytes", "name", "ping")

    def __init__(self, *, frame_max_bytes: int = 65_536) -> None:
        self.name = "json"
        self.ping = b"{}"
        self._frame_max_bytes = frame_max_bytes

    def split(self, frame: bytes) -> Sequence[bytes]:
        """The lines of a frame; a newline at the end is legal.

        Raises:
            FrameTooLarge: over the limit.
            MalformedFrame: nothing in it, or not UTF-8.
        """
        if len(frame) > self._frame_max_bytes:
            raise FrameTooLarge(size_bytes=len(frame), limit_bytes=self._frame_max_bytes)
        if not is_utf8(frame):
            raise MalformedFrame("not UTF-8", disconnect=CLOSE_INVALID_TEXT)
        if b"\n" not in frame:
            lines: Sequence[bytes] = (frame,)
        else:
            lines = frame.strip().split(b"\n")
        if not lines[0]:
            raise MalformedFrame("empty frame")
        return lines

    def decode(self, encoded: bytes) -> Command:
        """One line.

        Raises:
            MalformedFrame: not one JSON object of the protocol's shape.
        """
        try:
            return _DECODER.decode(encoded)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise MalformedFrame(str(error)) from error

    def encode(self, reply: Reply) -> bytes:
        """One line, without its newline."""
        return _ENCODER.encode(reply)

    def join(self, encoded: Sequence[bytes]) -> bytes:
        """The lines of one frame."""
        return b"\n".join(encoded)
