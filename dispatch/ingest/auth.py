"""Devices on a WebSocket: connect data ``{"device_id": "...", "secret": "..."}`` instead of a user's session.

Named in VOLA["AUTHENTICATORS"]. An unknown device and a wrong secret are answered alike: 3500, invalid token.
"""

from collections.abc import Callable

import msgspec

from dispatch import runtime
from dispatch.ingest.authentication import authenticate
from dispatch.ingest.errors import DEVICE_INACTIVE, Refusal
from dispatch.ingest.registry import DeviceEntry
from vola.django.auth import Answer, ConnectAttempt, Principal
from vola.errors import DISCONNECT_INVALID_TOKEN, DISCONNECT_PERMISSION_DENIED, ERROR_INTERNAL

__all__ = ["DeviceAuthenticator", "device_user_id"]


class _ConnectData(msgspec.Struct):
    device_id: str
    secret: str = ""


def device_user_id(entry: DeviceEntry) -> str:
    """The user id that a device's connections have in the engine."""
    return f"device:{entry.device_id}"


class DeviceAuthenticator:
    """Answers for connects that name a device; declines all others."""

    def authenticate(self, request: ConnectAttempt, done: Callable[[Answer], None]) -> None:
        """Answer at once, from memory."""
        done(_answer(request.data))


def _answer(data: bytes) -> Answer:
    try:
        claimed = msgspec.json.decode(data, type=_ConnectData)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    service = runtime.current_or_none()
    if service is None:
        return ERROR_INTERNAL
    entry = authenticate(service.registry, unique_id=claimed.device_id, secret=claimed.secret)
    if isinstance(entry, Refusal):
        service.counters.refused[entry.code] += 1
        return DISCONNECT_PERMISSION_DENIED if entry is DEVICE_INACTIVE else DISCONNECT_INVALID_TOKEN
    return Principal(user_id=device_user_id(entry), subject=entry)
