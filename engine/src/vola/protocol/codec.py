"""What every encoding of the protocol offers. One instance of each serves all connections: codecs keep no state."""

from collections.abc import Sequence
from typing import Protocol

from vola.protocol.messages import Command, Reply

__all__ = ["Codec"]


class Codec(Protocol):
    """Turns frames into commands, and replies into frames."""

    name: str
    ping: bytes

    def split(self, frame: bytes) -> Sequence[bytes]:
        """The encoded commands of one frame, in order, at least one. Raises WireError."""
        ...

    def decode(self, encoded: bytes) -> Command:
        """One command. Raises WireError."""
        ...

    def encode(self, reply: Reply) -> bytes:
        """One reply or push."""
        ...

    def join(self, encoded: Sequence[bytes]) -> bytes:
        """Encoded replies as one frame."""
        ...
