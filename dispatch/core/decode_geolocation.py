"""The JSON of phones: Traccar Client 9 and transistorsoft's background-geolocation, single, in arrays and bare.

Source: the tests of Traccar's OsmAndProtocolDecoder (testDecodeJson), www.traccar.org/osmand, and the HTTP guide of
background-geolocation; fields in docs/reference/ingest.md. Speeds are m/s, -1 is unknown, battery is a fraction.
"""

import json
from typing import Any, Final

import msgspec

from dispatch.core.decode_osmand import ACCURACY_M_MAX, ALTITUDE_M_MAX, SPEED_MPS_MAX
from dispatch.core.errors import Undecodable
from dispatch.core.fix import Fix
from dispatch.core.fix_time import parse_time_ms
from dispatch.core.reading import Report, encode_attributes, read_coordinate, read_course, read_range, read_text

__all__ = ["decode_geolocation", "parse_json"]

_IDENTIFIERS: Final = ("device_id", "id", "deviceid")
_OWN_KEYS: Final = {"coords", "timestamp", "battery", "activity", "extras", "_", "secret", "location", *_IDENTIFIERS}
_COORDS_KEYS: Final = {"latitude", "longitude", "speed", "heading", "altitude", "accuracy"}
_RAW_CHARACTERS_MAX: Final = 1_000
"""How much of an element that nobody understands is kept with it in the quarantine."""


def parse_json(body: bytes) -> Any:
    """Any JSON value, leniently: a byte order mark, bytes that are no UTF-8, NaN and Infinity are survived.

    Raises:
        Undecodable: it is no JSON, or is nested too deeply.
    """
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise Undecodable("not_json") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        pass
    try:
        return json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as problem:
        raise Undecodable("not_json") from problem


def decode_geolocation(body: bytes, *, fixes_max: int) -> Report:
    """Decode one message.

    Args:
        body: the request's body.
        fixes_max: longest array that is taken.

    Returns:
        A report; of an array, elements that are no location come as fixes without a position, with what they said in
        their attributes, so that they do not hold up the rest of a phone's queue.

    Raises:
        Undecodable: no JSON, no location in it, an array that is too long; for a single location also a bad timestamp
            or bad coordinates.
    """
    message = parse_json(body)
    envelope: dict[str, Any] = message if isinstance(message, dict) else {}
    location = envelope.get("location", message)
    device_id = next((text for key in _IDENTIFIERS if (text := read_text(envelope.get(key)))), "")
    secret = read_text(envelope.get("secret"))
    if isinstance(location, list):
        if len(location) > fixes_max:
            raise Undecodable("too_many_fixes")
        return Report(device_id, secret, [_decode_element(element) for element in location], is_array=True)
    return Report(device_id, secret, [_decode_location(location)])


def _decode_element(element: object) -> Fix:
    try:
        return _decode_location(element)
    except Undecodable as problem:
        return Fix(
            None, None, None, attributes=encode_attributes({"undecodable": problem.reason, "raw": _raw(element)})
        )


def _raw(element: object) -> str:
    """The beginning of what a device sent, without a secret that it may hold."""
    shown = element
    if isinstance(element, dict):
        shown = {key: value for key, value in element.items() if key != "secret"}
    try:
        return json.dumps(shown)[:_RAW_CHARACTERS_MAX]
    except (ValueError, RecursionError):
        return "nested too deeply"


def _decode_location(location: object) -> Fix:
    coords = location.get("coords") if isinstance(location, dict) else None
    if not isinstance(location, dict) or not isinstance(coords, dict):
        raise Undecodable("not_a_report")
    battery = _mapping(location.get("battery"))
    level = read_range(battery.get("level"), 0.0, 1.0)
    lat, lon = read_coordinate(coords.get("latitude")), read_coordinate(coords.get("longitude"))
    located = lat is not None and lon is not None
    return Fix(
        fix_time_ms=parse_time_ms(location.get("timestamp")),
        lat=lat if located else None,
        lon=lon if located else None,
        speed_mps=read_range(coords.get("speed"), 0.0, SPEED_MPS_MAX),
        course_deg=read_course(coords.get("heading")),
        altitude_m=read_range(coords.get("altitude"), -ALTITUDE_M_MAX, ALTITUDE_M_MAX),
        accuracy_m=read_range(coords.get("accuracy"), 0.0, ACCURACY_M_MAX),
        battery_pct=None if level is None else round(level * 100, 4),
        attributes=encode_attributes(_attributes_of(location, coords, battery)),
    )


def _attributes_of(location: dict[str, Any], coords: dict[str, Any], battery: dict[str, Any]) -> dict[str, Any]:
    """Everything that is no field of a fix, flat where the names stay clear; unknown (-1, null) is left out."""
    attributes = {key: value for key, value in location.items() if key not in _OWN_KEYS and value is not None}
    attributes |= {
        key: value for key, value in coords.items() if key not in _COORDS_KEYS and value is not None and value != -1
    }
    if "is_charging" in battery:
        attributes["is_charging"] = battery["is_charging"]
    activity = location.get("activity")
    if isinstance(activity, dict):
        attributes |= {
            name: activity[key]
            for key, name in (("type", "activity"), ("confidence", "activity_confidence"))
            if key in activity
        }
    elif activity is not None:
        attributes["activity"] = activity
    extras = location.get("extras")
    if extras:
        attributes["extras"] = extras
    return attributes


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
