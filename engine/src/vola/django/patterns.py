"""Channel patterns: `fleet:tile:{fleet_id:int}:{x:int}`, compiled once into a matcher and a builder.

A pattern is a row of segments separated by ":"; each segment is a literal or exactly one typed parameter. That is
deliberately less than a regular expression: whether two patterns overlap can be decided exactly
(`ChannelPattern.overlaps`), and building and matching are inverse to each other, so one object has one name. Left out:
optional parts, wildcards, parameters inside a segment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from vola.django.errors import PatternInvalid

__all__ = ["CHANNEL_LENGTH_MAX", "ChannelPattern", "ParameterValue"]

ParameterValue = int | str | UUID

# The protocol's limit for a channel name, in characters (all ASCII).
CHANNEL_LENGTH_MAX: Final = 255

_LITERAL = re.compile(r"[A-Za-z0-9_.~@\-]+")
_PARAMETER = re.compile(r"\{([a-z][a-z0-9_]*)(?::([a-z]+))?\}")
# Canonical spellings only: "007" or "-0" would give one object two channel names. 18 digits fit a signed 64-bit
# integer.
_TYPES: Final[Mapping[str, str]] = {
    "int": r"0|-?[1-9][0-9]{0,17}",
    "str": r"[A-Za-z0-9_.~@\-]+",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
}


@dataclass(frozen=True)
class _Segment:
    """One segment: a literal text, or a named parameter of a type."""

    literal: str
    name: str
    type: str

    @property
    def is_literal(self) -> bool:
        return not self.name

    def regex(self) -> str:
        return re.escape(self.literal) if self.is_literal else f"(?P<{self.name}>{_TYPES[self.type]})"

    def overlaps(self, other: _Segment) -> bool:
        """Whether some text fits both segments."""
        if self.is_literal and other.is_literal:
            return self.literal == other.literal
        if self.is_literal:
            return re.fullmatch(_TYPES[other.type], self.literal) is not None
        if other.is_literal:
            return other.overlaps(self)
        return self.type == other.type or "str" in (self.type, other.type)


class ChannelPattern:
    """A compiled pattern.

    Args:
        text: the pattern, e.g. "fleet:summary:{fleet_id:int}"; a parameter without a type is a `str`.

    Raises:
        PatternInvalid: empty, too long, an illegal character, an unknown type or a repeated parameter name.
    """

    __slots__ = ("_regex", "_segments", "parameters", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._segments = _parse(text)
        self.parameters: dict[str, str] = {s.name: s.type for s in self._segments if not s.is_literal}
        self._regex = re.compile(":".join(s.regex() for s in self._segments))

    @property
    def segment_count(self) -> int:
        return len(self._segments)

    def match(self, channel: str) -> dict[str, ParameterValue] | None:
        """The typed parameters of a channel name, or None when the name is not of this pattern."""
        found = self._regex.fullmatch(channel)
        if found is None:
            return None
        return {name: _convert(value, type=self.parameters[name]) for name, value in found.groupdict().items()}

    def build(self, values: Mapping[str, object]) -> str:
        """The channel name for these parameters; matching it gives the same values back.

        Raises:
            PatternInvalid: a missing or unknown parameter, a value of another type, or a name over 255 characters.
        """
        if values.keys() != self.parameters.keys():
            given, wanted = ", ".join(sorted(values)) or "none", ", ".join(self.parameters) or "none"
            raise PatternInvalid(self.text, problem=f"takes the parameters {wanted}, was given {given}")
        parts = [s.literal if s.is_literal else self._spell(s, values[s.name]) for s in self._segments]
        channel = ":".join(parts)
        if len(channel) > CHANNEL_LENGTH_MAX:
            raise PatternInvalid(
                self.text, problem=f"the name would have {len(channel)} characters, {CHANNEL_LENGTH_MAX} is the limit"
            )
        return channel

    def overlaps(self, other: ChannelPattern) -> bool:
        """Whether some channel name matches both patterns."""
        if len(self._segments) != len(other._segments):
            return False
        return all(mine.overlaps(theirs) for mine, theirs in zip(self._segments, other._segments, strict=True))

    def _spell(self, segment: _Segment, value: object) -> str:
        expected = {"int": int, "str": str, "uuid": UUID}[segment.type]
        if not isinstance(value, expected) or isinstance(value, bool):
            raise PatternInvalid(
                self.text, problem=f"{segment.name} must be {segment.type}, was given {type(value).__name__} {value!r}"
            )
        spelled = str(int(value)) if isinstance(value, int) else str(value)
        if re.fullmatch(_TYPES[segment.type], spelled) is None:
            raise PatternInvalid(self.text, problem=f"{segment.name} cannot be {value!r} in a channel name")
        return spelled


def _convert(value: str, *, type: str) -> ParameterValue:  # noqa: A002  the pattern's own word
    if type == "int":
        return int(value)
    return UUID(value) if type == "uuid" else value


def _parse(text: str) -> tuple[_Segment, ...]:
    if not text:
        raise PatternInvalid(text, problem="is empty")
    if len(text) > CHANNEL_LENGTH_MAX:
        raise PatternInvalid(text, problem=f"is longer than {CHANNEL_LENGTH_MAX} characters")
    segments: list[_Segment] = []
    seen: set[str] = set()
    # A parameter's own colon is not a separator, so split outside braces only.
    for part in re.split(r":(?![^{]*\})", text):
        if _LITERAL.fullmatch(part):
            segments.append(_Segment(literal=part, name="", type=""))
            continue
        found = _PARAMETER.fullmatch(part)
        if found is None:
            raise PatternInvalid(
                text, problem=f"segment {part!r} is neither a literal of A-Z a-z 0-9 _ . ~ @ - nor one {{name:type}}"
            )
        name, kind = found.group(1), found.group(2) or "str"
        if kind not in _TYPES:
            raise PatternInvalid(
                text, problem=f"{{{name}}} has the unknown type {kind!r}; known are {', '.join(_TYPES)}"
            )
        if name in seen:
            raise PatternInvalid(text, problem=f"parameter {name!r} appears twice")
        seen.add(name)
        segments.append(_Segment(literal="", name=name, type=kind))
    return tuple(segments)
