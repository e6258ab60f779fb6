"""Embedding payloads: one JSON value in UTF-8, as raw bytes inside a message, on one line."""

import msgspec
from msgspec import Raw

from vola.protocol.messages import EMPTY_RAW

__all__ = ["embed", "is_json", "is_utf8"]

_RAW_DECODER = msgspec.json.Decoder(Raw)


def is_utf8(data: bytes) -> bool:
    """Whether `data` is valid UTF-8. Browsers drop the whole connection over one bad text frame."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_json(data: bytes) -> bool:
    """Whether `data` is exactly one JSON value in UTF-8."""
    try:
        _RAW_DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return is_utf8(data)


def embed(data: bytes | None) -> Raw:
    """`data` as a raw field of a message.

    A newline separates messages, so none may stand inside one. In valid JSON a newline is only ever whitespace between
    tokens (inside strings it is escaped) and can be dropped.

    Args:
        data: one JSON value in UTF-8; None or b"" for none.
    """
    if not data:
        return EMPTY_RAW
    if b"\n" in data:
        data = data.replace(b"\n", b"")
    return Raw(data)
