"""The console's HTTP API, read-only, for signed-in users.

Permissions are per object: a fleet or vehicle that the user may not see answers 404, as one that does not exist. Errors
have one shape, ``{"error": {"code", "message"}}``. Mounted by the project under ``/api/dispatch/``.
"""

from typing import Annotated, Final, Literal

from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from ninja import Field, NinjaAPI, Query, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import django_auth

from dispatch.console import selectors
from dispatch.console.paging import CURSOR_LENGTH_MAX, Cursor, CursorInvalid
from dispatch.core.status import Status

__all__ = ["api"]

PAGE_SIZE_MAX: Final = 500
"""Vehicles in one answer (about 100 kB)."""
SEARCH_LENGTH_MAX: Final = 100
TRACK_MINUTES_MAX: Final = 1_440
"""A day."""

type StatusWord = Literal["unlocated", "moving", "idle", "offline", "alert"]

api = NinjaAPI(
    title="Dispatch console",
    version="1",
    urls_namespace="dispatch-api",
    auth=django_auth,
    docs_url=None,
    openapi_url="openapi.json",
    docs_decorator=staff_member_required,
)
api.add_decorator(never_cache, mode="view")


class FleetOut(Schema):
    """A fleet; ``total`` counts its active devices."""

    id: int
    name: str
    total: int
    clock_speed: float


class VehicleOut(Schema):
    """A vehicle in a list; null is unknown. ``id`` is the device's."""

    id: int
    label: str
    vehicle: str | None
    registration: str | None
    driver: str | None
    status: StatusWord
    lat: float | None
    lon: float | None
    speed_mps: float | None
    fix_time_ms: int | None


class VehiclesOut(Schema):
    """A page of vehicles; ``total`` counts the whole list."""

    items: list[VehicleOut]
    next_cursor: str | None
    total: int


class CountsOut(Schema):
    """Fixes of a UTC day by the fleet's clock."""

    accepted: int
    quarantined: int


class VehicleDetailOut(VehicleOut):
    """A vehicle with everything that is known of it."""

    unique_id: str
    fleet_id: int
    course_deg: float | None
    altitude_m: float | None
    accuracy_m: float | None
    battery_pct: float | None
    counts_today: CountsOut


class TrackOut(Schema):
    """A way: ``points`` are longitude, latitude, time in ms, speed in m/s or null; silence follows ``gaps_after``."""

    points: list[tuple[float, float, int, float | None]]
    gaps_after: list[int]
    thinned: bool


class ErrorBody(Schema):
    """What went wrong: a stable code and a sentence."""

    code: str
    message: str


class ErrorOut(Schema):
    """The shape of every error."""

    error: ErrorBody


class CountersOut(Schema):
    """What the process has counted since it started: the engine's numbers and the ingest's, by name."""

    engine: dict[str, object]
    ingest: dict[str, object]


class VehicleQuery(Schema):
    """Which page of which vehicles."""

    search: Annotated[str, Field(max_length=SEARCH_LENGTH_MAX, pattern=r"^[^\x00]*$")] = ""
    status: StatusWord | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_SIZE_MAX)] = 100
    cursor: Annotated[str, Field(max_length=CURSOR_LENGTH_MAX)] = ""


class TrackQuery(Schema):
    """How much of the way."""

    minutes: Annotated[int, Field(ge=1, le=TRACK_MINUTES_MAX)] = 30


@api.get("fleets", response=list[FleetOut])
def fleets(request: HttpRequest) -> list[FleetOut]:
    """The fleets that the user may see, by name."""
    return [
        FleetOut(id=found.fleet.pk, name=found.fleet.name, total=found.total, clock_speed=found.fleet.clock_speed)
        for found in selectors.list_fleets(request.user)
    ]


@api.get("fleets/{int:fleet_id}/vehicles", response={200: VehiclesOut, (400, 404): ErrorOut})
def vehicles(request: HttpRequest, fleet_id: int, query: Query[VehicleQuery]) -> VehiclesOut:
    """A fleet's vehicles by label, page by page; ``search`` words must each occur in a name, plate or identifier."""
    fleet = selectors.find_fleet(request.user, fleet_id=fleet_id)
    if fleet is None:
        raise Http404
    page = selectors.page_of_vehicles(
        fleet,
        search=query.search,
        status=Status[query.status.upper()] if query.status else None,
        limit=query.limit,
        cursor=Cursor.parse(query.cursor) if query.cursor else None,
    )
    return VehiclesOut(
        items=[VehicleOut.model_validate(_item(row)) for row in page.rows],
        next_cursor=page.next_cursor.text if page.next_cursor else None,
        total=page.total,
    )


@api.get("vehicles/{int:device_id}", response={200: VehicleDetailOut, 404: ErrorOut})
def vehicle(request: HttpRequest, device_id: int) -> VehicleDetailOut:
    """One vehicle."""
    row = selectors.find_vehicle(request.user, device_id=device_id)
    if row is None:
        raise Http404
    counts = selectors.counts_today(row.device)
    state = row.state
    return VehicleDetailOut.model_validate(
        _item(row)
        | {
            "unique_id": row.device.unique_id,
            "fleet_id": row.device.fleet_id,
            "course_deg": state.course_deg,
            "altitude_m": state.altitude_m,
            "accuracy_m": state.accuracy_m,
            "battery_pct": state.battery_pct,
            "counts_today": {"accepted": counts.stored, "quarantined": counts.quarantined},
        }
    )


@api.get("vehicles/{int:device_id}/track", response={200: TrackOut, 404: ErrorOut})
def track(request: HttpRequest, device_id: int, query: Query[TrackQuery]) -> TrackOut:
    """Where a vehicle was in the last minutes by its fleet's clock."""
    device = selectors.find_device(request.user, device_id=device_id)
    if device is None:
        raise Http404
    found = selectors.track_of(device, minutes=query.minutes)
    return TrackOut(points=list(found.points), gaps_after=found.gaps_after, thinned=found.is_thinned)


@api.get("counters", response={200: CountersOut, (403, 503): ErrorOut})
def counters(request: HttpRequest) -> CountersOut:
    """Connections, messages, refusals and errors by code, fixes by verdict; for staff who may see every fleet."""
    if not (request.user.is_staff and request.user.has_perm("fleet.view_every_fleet")):
        raise PermissionDenied
    found = selectors.process_counters()
    if found is None:
        raise HttpError(503, "The live map does not run in this process.")
    return CountersOut(engine=found.engine, ingest=found.ingest)


def _item(row: selectors.VehicleRow) -> dict[str, object]:
    device, state = row.device, row.state
    return {
        "id": device.pk,
        "label": str(device),
        "vehicle": device.vehicle.name if device.vehicle else None,
        "registration": (device.vehicle.registration or None) if device.vehicle else None,
        "driver": device.driver.name if device.driver else None,
        "status": state.status,
        "lat": state.lat,
        "lon": state.lon,
        "speed_mps": state.speed_mps,
        "fix_time_ms": state.fix_time_ms,
    }


# Errors ---------------------------------------------------------------------------------------------------------------


def _error(request: HttpRequest, *, status: int, code: str, message: str) -> HttpResponse:
    body = ErrorOut(error=ErrorBody(code=code, message=message))
    return api.create_response(request, body.model_dump(), status=status)


@api.exception_handler(AuthenticationError)
def _signed_out(request: HttpRequest, _error_raised: AuthenticationError) -> HttpResponse:
    return _error(request, status=401, code="not_signed_in", message="Sign in first.")


@api.exception_handler(PermissionDenied)
def _denied(request: HttpRequest, _error_raised: PermissionDenied) -> HttpResponse:
    return _error(request, status=403, code="permission_denied", message="Your role does not include this.")


@api.exception_handler(Http404)
def _missing(request: HttpRequest, _error_raised: Http404) -> HttpResponse:
    return _error(request, status=404, code="not_found", message="It does not exist, or you may not see it.")


@api.exception_handler(ValidationError)
def _unacceptable(request: HttpRequest, error: ValidationError) -> HttpResponse:
    problems = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors)
    return _error(request, status=422, code="invalid_request", message=problems)


@api.exception_handler(CursorInvalid)
def _bad_cursor(request: HttpRequest, error: CursorInvalid) -> HttpResponse:
    return _error(request, status=400, code=error.code, message=str(error))


@api.exception_handler(TimeoutError)
def _overloaded(request: HttpRequest, _error_raised: TimeoutError) -> HttpResponse:
    return _error(request, status=503, code="overloaded", message="The live map does not answer. Try again.")


@api.exception_handler(HttpError)
def _refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    return _error(request, status=error.status_code, code="refused", message=str(error))
