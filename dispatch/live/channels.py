"""The channels of the live map, and who may subscribe to them.

All of them are per fleet, and a user who may not see the fleet is denied; so is every device. Values out of range name
no channel at all. A permission is asked for when a subscription begins; when one is taken away, the user's connections
end and come back (``dispatch.live.revocation``, ``vola.django.revocation``).
"""

from collections.abc import Callable
from typing import Any, Final, Self

from django.contrib.auth.models import AbstractBaseUser

from dispatch.core.frames import Tile
from dispatch.core.tiles import CELL_LEVELS, TILE_LEVELS
from dispatch.fleet.selectors import devices_visible_to, fleet_visible_to
from dispatch.live.service import running_service
from vola.django import Channel, Delivery, LatestSource, register

__all__ = ["CellsChannel", "SummaryChannel", "TileChannel", "VehicleChannel"]

_ID_MAX: Final = 2**31 - 1
"""Primary keys of fleets and devices are below: what is beyond names nothing."""


class _FleetChannel(Channel):
    """A channel of one fleet: visible to those who may see the fleet."""

    delivery = Delivery.LATEST
    fleet_id: int

    @classmethod
    def parse(cls, channel: str) -> Self | None:
        """The channel object of a name, or None when the name is not of this class or a value is out of range."""
        found = super().parse(channel)
        return found if found is not None and found.is_in_range() else None

    def is_in_range(self) -> bool:
        """Whether the values name something that can exist."""
        return 0 < self.fleet_id <= _ID_MAX

    def may_subscribe(self, user: Any) -> bool:
        """Whether this user may see the fleet; a device never may."""
        return isinstance(user, AbstractBaseUser) and fleet_visible_to(user, self.fleet_id)


class _TiledChannel(_FleetChannel):
    """A channel of one tile."""

    levels: tuple[int, ...] = ()
    level: int
    x: int
    y: int

    def is_in_range(self) -> bool:
        """Whether the values name something that can exist."""
        side = 2**self.level if self.level in self.levels else 0
        return super().is_in_range() and 0 <= self.x < side and 0 <= self.y < side

    @property
    def tile(self) -> Tile:
        """The tile that the channel is about."""
        return Tile(self.level, self.x, self.y)


@register
class TileChannel(_TiledChannel):
    """The vehicles in a tile, as binary frames (docs/reference/tile-frames.md)."""

    pattern = "fleet:tile:{fleet_id:int}:{level:int}:{x:int}:{y:int}"
    rate_hz = 5.0
    levels = TILE_LEVELS

    def open_source(self, changed: Callable[[], None]) -> LatestSource:
        """The tile, from the running service."""
        return running_service().open_tile(self.fleet_id, tile=self.tile, changed=changed)


@register
class CellsChannel(_TiledChannel):
    """How many vehicles have which status in each cell of a tile, as binary frames (docs/reference/tile-frames.md)."""

    pattern = "fleet:cells:{fleet_id:int}:{level:int}:{x:int}:{y:int}"
    rate_hz = 2.0
    levels = CELL_LEVELS

    def open_source(self, changed: Callable[[], None]) -> LatestSource:
        """The aggregates, from the running service."""
        return running_service().open_cells(self.fleet_id, tile=self.tile, changed=changed)


@register
class SummaryChannel(_FleetChannel):
    """The fleet in one JSON object: clock, counts by status, bounds, rates."""

    pattern = "fleet:summary:{fleet_id:int}"
    rate_hz = 1.0

    def open_source(self, changed: Callable[[], None]) -> LatestSource:
        """The summary, from the running service."""
        return running_service().open_summary(self.fleet_id, changed=changed)


@register
class VehicleChannel(_FleetChannel):
    """The newest fix of one device as JSON, wherever it is."""

    pattern = "fleet:vehicle:{fleet_id:int}:{device_id:int}"
    rate_hz = 5.0
    device_id: int

    def is_in_range(self) -> bool:
        """Whether the values name something that can exist."""
        return super().is_in_range() and 0 < self.device_id <= _ID_MAX

    def may_subscribe(self, user: Any) -> bool:
        """Whether this user may see the device, and it is of this fleet."""
        if not isinstance(user, AbstractBaseUser):
            return False
        return devices_visible_to(user).filter(pk=self.device_id, fleet_id=self.fleet_id).exists()

    def open_source(self, changed: Callable[[], None]) -> LatestSource:
        """The device, from the running service."""
        return running_service().open_vehicle(self.fleet_id, device_id=self.device_id, changed=changed)
