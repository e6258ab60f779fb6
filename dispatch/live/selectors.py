"""Reading the live state of vehicles, for pages: from the live map if it runs in this process, else from the history.

Without a live map a vehicle's status follows from its last stored fix alone: whether one without a known speed moves is
not known then, so it shows as idle.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg
from django.db import connection as django_connection

from dispatch.core.status import Status
from dispatch.core.tracker import Tracker, empty_states
from dispatch.history.selectors import NEWEST_DTYPE, newest_fixes
from dispatch.live.errors import LiveNotRunning
from dispatch.live.service import TileService, running_service
from dispatch.live.states import VehicleState, vehicle_states

__all__ = ["device_ids_with_status", "newest_states"]

_ONLY_FLEET: Final = 0


def newest_states(fleet_id: int, *, device_ids: Sequence[int], now_ms: int) -> list[VehicleState]:
    """The newest fixes of some devices of a fleet.

    Args:
        device_ids: which; devices of other fleets show without a fix where a live map runs, so ask for none.
        now_ms: the fleet's clock; used without a live map, which has its own.

    Returns:
        One for each of ``device_ids``, in their order.

    Raises:
        TimeoutError: the live map does not answer.
    """
    live = _live()
    if live is not None:
        return live.ask(lambda: live.vehicle_states(device_ids, fleet_id=fleet_id))
    tracker = _tracker_of_stored(device_ids)
    return vehicle_states(tracker, device_ids=device_ids, fleet_index=_ONLY_FLEET, now_ms=now_ms)


def device_ids_with_status(
    fleet_id: int, *, status: Status, candidates: Callable[[], Sequence[int]], now_ms: int
) -> list[int]:
    """The devices of a fleet that have a status, ascending.

    Args:
        candidates: gives the fleet's devices; asked, and each looked up, only without a live map.
        now_ms: as for :func:`newest_states`.

    Raises:
        TimeoutError: the live map does not answer.
    """
    live = _live()
    if live is not None:
        return live.ask(lambda: live.devices_with_status(fleet_id, status=status))
    states = newest_states(fleet_id, device_ids=sorted(candidates()), now_ms=now_ms)
    return [state.id for state in states if state.status == status.name.lower()]


def _live() -> TileService | None:
    try:
        return running_service()
    except LiveNotRunning:
        return None


def _tracker_of_stored(device_ids: Sequence[int]) -> Tracker:
    """The last stored fixes in a tracker of their own."""
    django_connection.ensure_connection()
    plain: psycopg.Connection[Any] = django_connection.connection
    fixes = newest_fixes(plain, device_ids=device_ids, received_since=None)
    tracker = Tracker(capacity=max(len(device_ids), 1))
    for device_id in device_ids:
        tracker.add_device(device_id, _ONLY_FLEET)
    states = empty_states(len(fixes))
    for name in NEWEST_DTYPE.names or ():
        states[name] = fixes[name]
    tracker.restore(states)
    return tracker
