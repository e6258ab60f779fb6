"""Cursors: where a page of a list ended, as text that clients hand back unread.

A cursor names the last row's sort key, not a number of rows, so rows that come or go in between neither repeat nor hide
others.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

import msgspec

__all__ = ["CURSOR_LENGTH_MAX", "Cursor", "CursorInvalid"]

CURSOR_LENGTH_MAX: Final = 1_000
"""A label of 100 characters, in escapes and base64."""


class CursorInvalid(ValueError):  # noqa: N818 - named for what happened
    """Text that no list gave out as a cursor."""

    code = "invalid_cursor"

    def __str__(self) -> str:
        return "The cursor is not one that this list gave out."


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page of devices, which are sorted by label, then key."""

    label: str
    device_id: int

    @property
    def text(self) -> str:
        """The cursor as clients see it."""
        return base64.urlsafe_b64encode(msgspec.json.encode((self.label, self.device_id))).decode()

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read a cursor.

        Raises:
            CursorInvalid: it is none.
        """
        try:
            values = msgspec.json.decode(base64.urlsafe_b64decode(text), type=tuple[str, int])
        except (binascii.Error, ValueError, msgspec.MsgspecError):
            raise CursorInvalid from None
        if "\0" in values[0] or not 0 < values[1] < 2**31:
            raise CursorInvalid
        return cls(*values)
