"""What the console reads: fleets, pages of vehicles, one vehicle, its way.

The rows are those of the database; where the vehicles are and what they do comes from ``dispatch.live.selectors``.
Functions that take a user answer only what that user may see; the others take what those found.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from django.db.models import Count, Q, QuerySet
from django.db.models.expressions import RawSQL

from dispatch import settings
from dispatch.console.paging import Cursor
from dispatch.core.status import OFFLINE_AFTER_MS, Status
from dispatch.fleet.models import Device, Fleet
from dispatch.fleet.selectors import Viewer, devices_of_fleet, devices_visible_to, fleets_visible_to
from dispatch.history.selectors import TRACK_POINTS_MAX, DeviceCounts, TrackPoint, device_counts, track_points
from dispatch.live.selectors import device_ids_with_status, newest_states
from dispatch.live.states import VehicleState
from dispatch.runtime import current_or_none
from vola.django import counters

__all__ = [
    "FleetTotal",
    "ProcessCounters",
    "Track",
    "VehiclePage",
    "VehicleRow",
    "counts_today",
    "find_device",
    "find_fleet",
    "find_vehicle",
    "list_fleets",
    "page_of_vehicles",
    "process_counters",
    "thin_track",
    "track_of",
]

SHOWN_POINTS_MAX: Final = 2_000
"""Points of a track that are sent: more than a screen has pixels along a way."""
_SEARCH_TERMS_MAX: Final = 8
"""Each term is a pass over the fleet's rows."""


@dataclass(frozen=True, slots=True)
class ProcessCounters:
    """Numbers by name, since the process started."""

    engine: dict[str, object]
    ingest: dict[str, object]


@dataclass(frozen=True, slots=True)
class FleetTotal:
    """A fleet and how many active devices it has."""

    fleet: Fleet
    total: int


@dataclass(frozen=True, slots=True)
class VehicleRow:
    """A device with its vehicle and driver, and its newest fix."""

    device: Device
    state: VehicleState


@dataclass(frozen=True, slots=True)
class VehiclePage:
    """Some vehicles of a list in its order; ``next_cursor`` is None at its end. ``total`` counts the whole list."""

    rows: list[VehicleRow]
    next_cursor: Cursor | None
    total: int


@dataclass(frozen=True, slots=True)
class Track:
    """Where a vehicle was, oldest first.

    Attributes:
        points: at most SHOWN_POINTS_MAX.
        gaps_after: indexes of points after which the vehicle was silent for longer than makes it offline.
        is_thinned: whether points were left out, evenly, or beyond the oldest one.
    """

    points: list[TrackPoint]
    gaps_after: list[int]
    is_thinned: bool


def process_counters() -> ProcessCounters | None:
    """What engine and ingest have counted in this process; None where they do not run in it.

    Raises:
        TimeoutError: the loop does not answer.
    """
    service = current_or_none()
    if service is None:
        return None
    return ProcessCounters(engine=asdict(counters()), ingest=asdict(service.live.ask(service.snapshot)))


def list_fleets(user: Viewer) -> list[FleetTotal]:
    """The fleets that a user may see, by name."""
    fleets = Fleet.objects.filter(pk__in=fleets_visible_to(user).order_by().values("pk")).order_by("name", "pk")
    counted = fleets.annotate(device_total=Count("devices", filter=Q(devices__is_active=True)))
    return [FleetTotal(fleet, fleet.device_total) for fleet in counted]


def find_fleet(user: Viewer, *, fleet_id: int) -> Fleet | None:
    """A fleet that the user may see."""
    return fleets_visible_to(user).filter(pk=fleet_id).first()


def page_of_vehicles(
    fleet: Fleet, *, search: str = "", status: Status | None = None, limit: int, cursor: Cursor | None = None
) -> VehiclePage:
    """The next vehicles of a fleet after ``cursor``, by label, then key.

    Args:
        fleet: one that the user may see.
        search: words, each of which is part of the label, identifier, vehicle, registration or driver.
        status: only vehicles that have it now.
        limit: vehicles at most.

    Raises:
        TimeoutError: the live map does not answer.
    """
    now_ms = fleet_now_ms(fleet)
    devices = _matching(devices_of_fleet(fleet.pk), search=search)
    if status is not None:
        every = devices
        chosen = device_ids_with_status(
            fleet.pk, status=status, candidates=lambda: list(every.values_list("pk", flat=True)), now_ms=now_ms
        )
        # One array parameter, however large the fleet: a parameter for each device would pass PostgreSQL's limit.
        devices = devices.filter(pk__in=RawSQL("SELECT unnest(%s::int[])", [chosen]))
    total = devices.count()
    if cursor is not None:
        after = Q(label__gt=cursor.label) | Q(label=cursor.label, pk__gt=cursor.device_id)
        devices = devices.filter(after, label__gte=cursor.label)
    found = list(devices[: limit + 1])
    shown = found[:limit]
    states = newest_states(fleet.pk, device_ids=[device.pk for device in shown], now_ms=now_ms)
    rows = [VehicleRow(device, state) for device, state in zip(shown, states, strict=True)]
    ends = len(found) <= limit
    return VehiclePage(rows, None if ends else Cursor(shown[-1].label, shown[-1].pk), total)


def find_vehicle(user: Viewer, *, device_id: int) -> VehicleRow | None:
    """A vehicle that the user may see.

    Raises:
        TimeoutError: the live map does not answer.
    """
    device = devices_visible_to(user).filter(pk=device_id).first()
    if device is None:
        return None
    (state,) = newest_states(device.fleet_id, device_ids=[device.pk], now_ms=fleet_now_ms(device.fleet))
    return VehicleRow(device, state)


def find_device(user: Viewer, *, device_id: int) -> Device | None:
    """A device that the user may see, with its fleet."""
    return devices_visible_to(user).filter(pk=device_id).first()


def counts_today(device: Device) -> DeviceCounts:
    """How many fixes of the UTC day that it is in the device's fleet were stored and quarantined."""
    today = _moment(fleet_now_ms(device.fleet)).replace(hour=0, minute=0, second=0, microsecond=0)
    return device_counts(device.pk, since=today, until=today + timedelta(days=1))


def track_of(device: Device, *, minutes: int) -> Track:
    """Where a device was in the last minutes of its fleet's clock, up to the newest fix that is believed."""
    now = _moment(fleet_now_ms(device.fleet))
    until = now + timedelta(seconds=settings.FIX_FUTURE_LIMIT_S.read() + 1)
    points = track_points(device.pk, since=now - timedelta(minutes=minutes), until=until)
    return thin_track(points)


def thin_track(points: Sequence[TrackPoint]) -> Track:
    """Leave points out evenly down to SHOWN_POINTS_MAX, keep both ends, and tell where the vehicle was silent."""
    count = len(points)
    kept = np.unique(np.linspace(0, count - 1, min(count, SHOWN_POINTS_MAX)).round().astype(np.intp))
    times_ms = np.array([point.fix_time_ms for point in points], np.int64)
    silences = np.cumsum(np.diff(times_ms, prepend=times_ms[:1]) > OFFLINE_AFTER_MS)
    gaps_after = np.flatnonzero(np.diff(silences[kept]))
    is_thinned = len(kept) < count or count >= TRACK_POINTS_MAX
    return Track([points[index] for index in kept.tolist()], gaps_after.tolist(), is_thinned)


def fleet_now_ms(fleet: Fleet) -> int:
    """What the fleet's clock says."""
    return fleet.clock.now_ms(time.time_ns() // 1_000_000)


def _moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def _matching(devices: QuerySet[Device], *, search: str) -> QuerySet[Device]:
    for term in search.split()[:_SEARCH_TERMS_MAX]:
        devices = devices.filter(
            Q(label__icontains=term)
            | Q(unique_id__icontains=term)
            | Q(vehicle__name__icontains=term)
            | Q(vehicle__registration__icontains=term)
            | Q(driver__name__icontains=term)
        )
    return devices
