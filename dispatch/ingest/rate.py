"""How much one device may send: a token bucket in its entry, so that it costs no look-up and no memory of its own."""

from dataclasses import dataclass

from dispatch.ingest.registry import DeviceEntry

__all__ = ["DeviceRate"]


@dataclass(frozen=True, slots=True)
class DeviceRate:
    """Fixes a device may send: ``rate_hz`` a second on average, ``burst`` at once after a pause."""

    rate_hz: float
    burst: float

    def take(self, entry: DeviceEntry, count: int, *, now_s: float) -> bool:
        """Whether the device may send ``count`` fixes now; then they are counted, else nothing is."""
        tokens = min(self.burst, entry.tokens + (now_s - entry.refilled_s) * self.rate_hz)
        entry.refilled_s = now_s
        entry.tokens = tokens - count if tokens >= count else tokens
        return tokens >= count
