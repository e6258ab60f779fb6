"""The request that a device sends: the JSON form of the HTTP ingest address.

One location is an object as the background-geolocation SDKs and Traccar's client write it; a device with a backlog
sends an array of them, oldest first. See ``docs/reference/ingest.md``.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from dispatch.core.fix import Fix

__all__ = ["encode_location", "encode_request", "request_head"]

INGEST_PATH = "/ingest/osmand"

_encode = msgspec.json.Encoder().encode


def encode_location(fix: Fix, *, extras: Mapping[str, str] | None = None) -> bytes:
    """One location object.

    Args:
        fix: with a time and a position; what is unknown is left out.
        extras: further columns, which become the fix's attributes.
    """
    assert fix.fix_time_ms is not None, "a device knows when it was where"
    moment = datetime.fromtimestamp(fix.fix_time_ms / 1000, UTC).isoformat(timespec="milliseconds")
    coords = {
        "latitude": fix.lat,
        "longitude": fix.lon,
        "accuracy": fix.accuracy_m,
        "speed": fix.speed_mps,
        "heading": fix.course_deg,
        "altitude": fix.altitude_m,
    }
    location: dict[str, object] = {
        "timestamp": moment.removesuffix("+00:00") + "Z",
        "coords": {name: value for name, value in coords.items() if value is not None},
    }
    if fix.battery_pct is not None:
        location["battery"] = {"level": fix.battery_pct / 100}
    if extras:
        location["extras"] = extras
    return _encode(location)


def request_head(*, host: str, secret: str | None) -> bytes:
    """The head of every request of one device, up to and without ``Content-Length``."""
    lines = [f"POST {INGEST_PATH} HTTP/1.1", f"Host: {host}", "Content-Type: application/json"]
    if secret is not None:
        lines.append(f"Authorization: Bearer {secret}")
    return "\r\n".join(lines).encode("ascii") + b"\r\nContent-Length: "


def encode_request(locations: Sequence[bytes], *, unique_id: str, head: bytes) -> bytes:
    """A whole request: one location as an object, several as an array."""
    inner = locations[0] if len(locations) == 1 else b"[" + b",".join(locations) + b"]"
    body = b'{"device_id":' + _encode(unique_id) + b',"location":' + inner + b"}"
    return b"%b%d\r\n\r\n%b" % (head, len(body), body)
