"""The OsmAnd form: one fix as query or form parameters. Behind it: Traccar Client, OsmAnd, GPSLogger, scripts.

Source: www.traccar.org/osmand and the tests of Traccar's OsmAndProtocolDecoder; fields in docs/reference/ingest.md.
Unlike there, a time without an offset is UTC.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from dispatch.core.errors import Undecodable
from dispatch.core.fix import Fix
from dispatch.core.fix_time import parse_time_ms
from dispatch.core.reading import (
    Report,
    encode_attributes,
    read_coordinate,
    read_course,
    read_number,
    read_range,
    read_text,
)

__all__ = ["KNOT_MPS", "decode_osmand", "parse_parameters"]

KNOT_MPS: Final = 1_852 / 3_600

PARAMETERS_MAX: Final = 200
"""A fix has about ten; twenty cells and access points make forty more."""

_SPEED_UNITS: Final = {"": KNOT_MPS, "kn": KNOT_MPS, "kmh": 1 / 3.6, "mps": 1.0, "mph": 0.44704}
_REPEATED: Final = {"cell": "cells", "wifi": "wifi"}
_BOOLEANS: Final = {"true": True, "false": False}

ALTITUDE_M_MAX: Final = 100_000.0
SPEED_MPS_MAX: Final = 100_000.0
ACCURACY_M_MAX: Final = 50_000_000.0
"""Beyond these a value is noise: the edge of space, escape velocity many times over, more than the globe."""


def parse_parameters(query: bytes) -> list[tuple[str, str]]:
    """Keys and values of a query or form body, of any bytes: what is no UTF-8 is replaced.

    Raises:
        Undecodable: more than 200 parameters.
    """
    if not query:
        return []
    try:
        return parse_qsl(
            query.decode("utf-8", "replace"), keep_blank_values=True, errors="replace", max_num_fields=PARAMETERS_MAX
        )
    except ValueError as problem:
        raise Undecodable("not_a_form") from problem


def decode_osmand(parameters: list[tuple[str, str]]) -> Report:
    """Decode one message.

    Args:
        parameters: keys and values in order. Of a repeated key the last counts, but ``cell`` and ``wifi`` collect and
            the identifier must not contradict itself.

    Returns:
        A report with one fix.

    Raises:
        Undecodable: no identifier, two of them, a timestamp or coordinates that are none.
    """
    values: dict[str, str] = {}
    collected: dict[str, list[str]] = {}
    for key, value in parameters:
        name = "id" if key == "deviceid" else key
        if name in _REPEATED:
            collected.setdefault(_REPEATED[name], []).append(value)
        elif name in ("id", "secret") and values.get(name, value) != value:
            raise Undecodable("ambiguous_id")
        else:
            values[name] = value
    device_id = read_text(values.pop("id", ""))
    if not device_id:
        raise Undecodable("missing_id")
    secret = values.pop("secret", "")
    fix = _decode_fix(values)
    fix.attributes = encode_attributes(collected | {key: _value_of(text) for key, text in values.items()})
    return Report(device_id, secret, [fix])


def _decode_fix(values: dict[str, str]) -> Fix:
    """Take the fields of a fix out of ``values``; what stays is attributes."""
    lat, lon = values.pop("lat", ""), values.pop("lon", "")
    location = values.pop("location", "")
    if location and not (lat and lon):
        lat, _, lon = location.partition(",")
    fix = Fix(parse_time_ms(values.pop("timestamp", None)), read_coordinate(lat), read_coordinate(lon))
    if fix.lat is None or fix.lon is None:
        fix.lat = fix.lon = None
    unit = _SPEED_UNITS.get(values.pop("speed_unit", ""), KNOT_MPS)
    fix.speed_mps = _take(values, "speed", lambda text: read_range(_times(text, unit), 0.0, SPEED_MPS_MAX))
    fix.course_deg = _take(values, "heading", read_course)
    bearing = _take(values, "bearing", read_course)
    fix.course_deg = fix.course_deg if bearing is None else bearing
    fix.altitude_m = _take(values, "altitude", lambda text: read_range(text, -ALTITUDE_M_MAX, ALTITUDE_M_MAX))
    fix.accuracy_m = _take(values, "accuracy", lambda text: read_range(text, 0.0, ACCURACY_M_MAX))
    fix.battery_pct = _take(values, "batt", lambda text: read_range(text, 0.0, 100.0))
    return fix


def _take(values: dict[str, str], key: str, read: Callable[[str], float | None]) -> float | None:
    return read(values.pop(key)) if key in values else None


def _times(text: str, factor: float) -> float | None:
    number = read_number(text)
    return None if number is None else number * factor


def _value_of(text: str) -> bool | float | str:
    """An attribute as the boolean or number that it spells, else as text."""
    lowered = _BOOLEANS.get(text.lower())
    if lowered is not None:
        return lowered
    number = read_number(text)
    return text if number is None else number
