"""Reading what devices write: lenient numbers, ranges beyond which a value is unknown, and attributes that any JSON
store takes.

Devices say "unknown" as -1, NaN, an empty text or nothing; here it is always None.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from dispatch.core.errors import Undecodable
from dispatch.core.fix import Fix

__all__ = [
    "ATTRIBUTES_BYTES_MAX",
    "Report",
    "encode_attributes",
    "read_coordinate",
    "read_course",
    "read_number",
    "read_range",
    "read_text",
]

ATTRIBUTES_BYTES_MAX: Final = 4_096
"""Compact JSON beyond the fix itself; more is replaced by a note, because history keeps it for every fix."""

_INTEGER_MAX: Final = 2**63 - 1
_DEPTH_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class Report:
    """What one message said: who sends, how it proves that, and its fixes.

    Attributes:
        device_id: "" when the message does not say (then a header must).
        secret: "" when the message carries none.
        fixes: in the order of the message.
        is_array: whether the message was an array, which is answered with counts.
    """

    device_id: str
    secret: str
    fixes: list[Fix]
    is_array: bool = False

    def __repr__(self) -> str:
        return f"Report(device_id={self.device_id!r}, {len(self.fixes)} fixes)"  # never the secret


def read_number(value: object) -> float | None:
    """A finite number from a number or its text, else None."""
    if isinstance(value, str):
        if not value.isascii() or "_" in value:
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def read_range(value: object, low: float, high: float) -> float | None:
    """A number of [low, high], else None."""
    number = read_number(value)
    return number if number is not None and low <= number <= high else None


def read_course(value: object) -> float | None:
    """Degrees clockwise from north in [0, 360), from [0, 360]; else None (-1 is the phones' word for unknown)."""
    course = read_range(value, 0.0, 360.0)
    return None if course is None else course % 360.0


def read_coordinate(value: object) -> float | None:
    """Degrees as the device said them, however impossible: judging is the tracker's. None: absent, empty or NaN.

    Raises:
        Undecodable: there is something and it is no number.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise Undecodable("bad_coordinates") from None
        if not isinstance(value, str) or (value.isascii() and "_" not in value):
            return None if math.isnan(number) else number
    raise Undecodable("bad_coordinates")


def read_text(value: object) -> str:
    """An identifier or a secret, which some devices send as a number; "" for anything else."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _INTEGER_MAX else ""


def encode_attributes(attributes: Mapping[str, Any]) -> bytes | None:
    """Compact JSON that PostgreSQL's jsonb takes (no NUL, lone surrogate or NaN); None when there is nothing to say."""
    if not attributes:
        return None
    try:
        text = msgspec.json.encode(attributes)
        if len(text) <= ATTRIBUTES_BYTES_MAX and b"\\u0000" in text:
            text = _Cleaner().encode(attributes)
    except (ValueError, OverflowError, TypeError, RecursionError):
        text = _Cleaner().encode(attributes)
    return text if len(text) <= ATTRIBUTES_BYTES_MAX else msgspec.json.encode({"attributes_omitted_bytes": len(text)})


class _Cleaner:
    """Takes out what JSON stores refuse. What is not kept anyway is not cleaned: after as many values as the limit has
    bytes the rest is left out, so that a large message costs no more time than a small one."""

    def __init__(self) -> None:
        self._left = ATTRIBUTES_BYTES_MAX

    def encode(self, attributes: Mapping[str, Any]) -> bytes:
        """Compact JSON of the clean attributes."""
        return msgspec.json.encode(self._cleaned(attributes, 0))

    def _cleaned(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return value.replace("\0", "").encode("utf-8", "replace").decode()
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return value if abs(value) <= _INTEGER_MAX else str(value)[:64] if value.bit_length() < 1_024 else "huge"
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if depth >= _DEPTH_MAX:
            return "nested too deeply"
        if isinstance(value, Mapping):
            return {self._cleaned(str(key), depth): self._cleaned(value[key], depth + 1) for key in self._some(value)}
        if isinstance(value, list | tuple):
            return [self._cleaned(item, depth + 1) for item in self._some(value)]
        return None

    def _some[T](self, items: Iterable[T]) -> Iterator[T]:
        """The first items, as many as there is room for; an item of one digit takes two bytes with its comma."""
        for item in items:
            self._left -= 1
            if self._left < 0:
                return
            yield item
