"""Who sends: one decision for all protocols. A look-up in memory and a comparison in constant time."""

from dispatch.ingest.errors import DEVICE_INACTIVE, UNAUTHORIZED, UNKNOWN_DEVICE, Refusal
from dispatch.ingest.registry import DeviceEntry, Registry

__all__ = ["authenticate"]


def authenticate(registry: Registry, *, unique_id: str, secret: str) -> DeviceEntry | Refusal:
    """The device that calls itself ``unique_id``, if ``secret`` ("" for none) proves it and it is active."""
    entry = registry.find(unique_id)
    if entry is None:
        return UNKNOWN_DEVICE
    if not entry.accepts(secret):
        return UNAUTHORIZED
    return entry if entry.is_active else DEVICE_INACTIVE
