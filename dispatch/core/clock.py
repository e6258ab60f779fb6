"""The clock of a fleet: the wall clock, or a recording's clock that started at an anchor and runs at its own speed.

Times are milliseconds since 1970 UTC. Nothing here reads a clock; the caller says what the wall clock shows.
"""

from dataclasses import dataclass
from datetime import datetime

__all__ = ["FleetClock"]


@dataclass(frozen=True, slots=True)
class FleetClock:
    """What time it is for a fleet.

    Attributes:
        speed: fleet seconds in one wall second; 1 and no anchors for a live fleet.
        anchor_wall_ms, anchor_fleet_ms: the moment at which both clocks were set; both or neither.
    """

    speed: float = 1.0
    anchor_wall_ms: int | None = None
    anchor_fleet_ms: int | None = None

    @classmethod
    def anchored(cls, *, wall_at: datetime, fleet_at: datetime, speed: float) -> "FleetClock":
        """A clock that showed ``fleet_at`` when the wall clock showed ``wall_at`` (both aware)."""
        return cls(speed, round(wall_at.timestamp() * 1000), round(fleet_at.timestamp() * 1000))

    def now_ms(self, wall_ms: int) -> int:
        """The fleet's time at ``wall_ms`` of the wall clock."""
        if self.anchor_wall_ms is None or self.anchor_fleet_ms is None:
            return wall_ms
        return self.anchor_fleet_ms + round((wall_ms - self.anchor_wall_ms) * self.speed)
