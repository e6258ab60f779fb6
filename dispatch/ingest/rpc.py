"""Fixes over a device's WebSocket: the method ``dispatch.report_fix``, answered when the fixes are durable.

Data: one fix or an array, ``{"timestamp", "lat", "lon", "speed_mps"?, "course_deg"?, "altitude_m"?, "accuracy_m"?,
"battery_pct"?}`` in SI units; see docs/reference/ingest.md.
"""

from typing import Any

import msgspec

from dispatch import runtime
from dispatch.core.errors import Undecodable
from dispatch.core.fix import Fix, Verdict
from dispatch.core.fix_time import parse_time_ms
from dispatch.core.reading import encode_attributes
from dispatch.ingest.errors import (
    DEVICE_INACTIVE,
    STORAGE_UNAVAILABLE,
    TOO_MANY_FIXES,
    UNAUTHORIZED,
    UNDECODABLE,
    Refusal,
)
from dispatch.ingest.registry import DeviceEntry
from dispatch.ingest.reporting import report, verdict_words
from vola.django import RpcCall, rpc

__all__ = ["report_fix"]


class _WireFix(msgspec.Struct):
    lat: float | None = None
    lon: float | None = None
    timestamp: float | str | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    accuracy_m: float | None = None
    battery_pct: float | None = None
    attributes: dict[str, Any] | None = None


class _WireVerdict(msgspec.Struct, omit_defaults=True):
    verdict: str
    reason: str = ""


class _WireVerdicts(msgspec.Struct):
    verdicts: list[_WireVerdict]


_decoder = msgspec.json.Decoder(_WireFix | list[_WireFix])
_encoder = msgspec.json.Encoder()


@rpc("dispatch.report_fix", deferred=True)
def report_fix(call: RpcCall) -> None:
    """Take a device's fixes; only connections that authenticated as a device may call it."""
    service = runtime.current_or_none()
    device = call.client.subject
    if service is None:
        _refuse(call, STORAGE_UNAVAILABLE)
        return

    def refuse(refusal: Refusal) -> None:
        service.counters.refused[refusal.code] += 1
        _refuse(call, refusal)

    if not isinstance(device, DeviceEntry):
        refuse(UNAUTHORIZED)
        return
    if not device.is_active:
        refuse(DEVICE_INACTIVE)
        return
    try:
        wire = _decoder.decode(call.data)
        fixes = [_fix_of(each) for each in (wire if isinstance(wire, list) else [wire])]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Undecodable):
        refuse(UNDECODABLE)
        return
    if len(fixes) > service.message_limits.array_fixes_max:
        refuse(TOO_MANY_FIXES)
        return

    def answer(outcome: list[Verdict] | Refusal) -> None:
        if isinstance(outcome, Refusal):
            _refuse(call, outcome)
            return
        verdicts = [_WireVerdict(*verdict_words(verdict)) for verdict in outcome]
        call.result(_encoder.encode(_WireVerdicts(verdicts) if isinstance(wire, list) else verdicts[0]))

    report(fixes, device=device, service=service, done=answer)


def _fix_of(wire: _WireFix) -> Fix:
    """SI units already; what is out of range becomes unknown when the batch is gathered."""
    return Fix(
        parse_time_ms(wire.timestamp),
        wire.lat,
        wire.lon,
        wire.speed_mps,
        wire.course_deg,
        wire.altitude_m,
        wire.accuracy_m,
        wire.battery_pct,
        encode_attributes(wire.attributes or {}),
    )


def _refuse(call: RpcCall, refusal: Refusal) -> None:
    call.error(refusal.wire_code, refusal.code, temporary=refusal.retry_after_s > 0)
