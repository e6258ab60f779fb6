"""The console's HTTP API with real sessions: who sees what, paging, search, statuses, tracks, errors, query counts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dispatch.console.paging import Cursor
from dispatch.console.selectors import thin_track
from dispatch.fleet.services import NewDevice, register_devices, set_fleet_clock
from dispatch.history.partitions import create_partitions
from dispatch.history.selectors import TrackPoint
from dispatch.tests.core.fixes import Row
from dispatch.tests.live.conftest import Site, wall_ms
from dispatch.tests.live.worlds import World

BASE = "/api/dispatch"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def get(user: User, path: str, **query: str | int) -> Any:
    """The body of a good answer."""
    answer = client_of(user).get(f"{BASE}/{path}", query)
    assert answer.status_code == 200, answer.content
    assert "no-store" in answer["Cache-Control"]
    return answer.json()


def refusal(user: User | None, path: str, **query: str | int) -> tuple[int, str]:
    """Status and code of an error of the one shape."""
    client = client_of(user) if user else Client()
    answer = client.get(f"{BASE}/{path}", query)
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message"}
    return answer.status_code, body["error"]["code"]


def labels(page: Any) -> list[str]:
    return [item["label"] for item in page["items"]]


def store(device_id: int, *fixes: tuple[datetime, float, float, float | None]) -> None:
    """Put rows into the history: time, latitude, longitude, speed."""
    connection.ensure_connection()
    create_partitions(connection.connection, {moment.astimezone(UTC).date() for moment, *_ in fixes})
    with connection.cursor() as cursor:
        for moment, lat, lon, speed_mps in fixes:
            cursor.execute(
                "INSERT INTO history_fix (device_id, fix_time, received_at, lat, lon, speed_mps, is_late)"
                " VALUES (%s, %s, %s, %s, %s, %s, false)",
                [device_id, moment, moment, lat, lon, speed_mps],
            )


# Who sees what --------------------------------------------------------------------------------------------------------


def test_fleets_are_those_that_the_user_may_see_each_once_with_its_active_devices(site: Site) -> None:
    north = {"id": site.north.pk, "name": "North", "total": 4, "clock_speed": 1.0}

    assert get(site.seer, "fleets") == [north]
    assert get(site.chief, "fleets") == [north, {"id": site.south.pk, "name": "South", "total": 1, "clock_speed": 1.0}]
    assert get(site.stranger, "fleets") == []


def test_what_a_user_may_not_see_does_not_exist(site: Site) -> None:
    for path in (
        f"fleets/{site.south.pk}/vehicles",
        f"vehicles/{site.south_device.pk}",
        f"vehicles/{site.south_device.pk}/track",
    ):
        assert refusal(site.seer, path) == (404, "not_found")
        assert refusal(site.stranger, path) == (404, "not_found")
        assert refusal(None, path) == (401, "not_signed_in")
        assert get(site.chief, path)
    for path in ("fleets/999999/vehicles", "vehicles/999999", "vehicles/99999999999999999999/track"):
        assert refusal(site.chief, path) == (404, "not_found")
    assert refusal(None, "fleets") == (401, "not_signed_in")


def test_the_schema_is_for_staff_and_the_explorer_for_nobody(site: Site) -> None:
    assert client_of(site.chief).get(f"{BASE}/openapi.json").status_code == 302
    site.chief.is_staff = True
    site.chief.save()
    assert client_of(site.chief).get(f"{BASE}/openapi.json").status_code == 200
    assert client_of(site.chief).get(f"{BASE}/docs").status_code == 404


# Lists ----------------------------------------------------------------------------------------------------------------


def test_vehicles_come_by_label_page_by_page_and_nothing_repeats_when_rows_come_and_go(site: Site) -> None:
    path = f"fleets/{site.north.pk}/vehicles"
    first = get(site.seer, path, limit=2)
    register_devices(site.north, [NewDevice(unique_id="new", label="Aaron")])
    site.north_devices[0].delete()

    second = get(site.seer, path, limit=2, cursor=first["next_cursor"])

    assert labels(first) == ["North-unlabelled", "Alpha"]
    assert first["total"] == 4
    assert labels(second) == ["Bravo", "Bravo2"]
    assert second["next_cursor"] is None
    assert labels(get(site.seer, path, limit=4))[1] == "Aaron"


def test_vehicles_with_one_label_are_paged_by_their_key(site: Site) -> None:
    register_devices(site.south, [NewDevice(unique_id=f"twin {n}".replace(" ", "-"), label="Twin") for n in range(5)])
    seen: list[int] = []
    cursor = ""
    for _ in range(6):
        page = get(site.chief, f"fleets/{site.south.pk}/vehicles", limit=1, cursor=cursor)
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"] or ""
    assert cursor == ""
    assert len(set(seen)) == len(seen) == 6


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("alp", ["Alpha"]),
        ("BRAVO", ["Bravo", "Bravo2"]),
        ("ab-1", ["Alpha"]),
        ("van", ["Alpha", "Bravo"]),
        ("ann", ["Alpha", "Bravo2"]),
        ("ann bray", ["Bravo2"]),
        ("north-unl", ["North-unlabelled"]),
        ("zulu", []),
        ("sierra", []),
        ("%", []),
        ("_", []),
        ("  ", ["North-unlabelled", "Alpha", "Bravo", "Bravo2"]),
    ],
)
def test_search_finds_words_in_label_identifier_vehicle_registration_and_driver(
    site: Site, search: str, expected: list[str]
) -> None:
    page = get(site.seer, f"fleets/{site.north.pk}/vehicles", search=search)

    assert (labels(page), page["total"]) == (expected, len(expected))


def test_an_item_carries_names_and_the_live_state(site: Site, run_live: Callable[[World], World]) -> None:
    world = World(fleet_ids=(site.north.pk, site.south.pk), wall_ms=wall_ms())
    alpha, bravo, bravo2, _ = site.north_devices
    world.add(*(device.pk for device in site.north_devices))
    world.report(
        Row(alpha.pk, world.wall_ms, 1.5, 2.5, speed_mps=8.0), Row(bravo.pk, world.wall_ms, 1.0, 2.0, speed_mps=0.0)
    )
    world.tick()
    run_live(world)

    path = f"fleets/{site.north.pk}/vehicles"
    assert get(site.seer, path)["items"][1] == {
        "id": alpha.pk,
        "label": "Alpha",
        "vehicle": "Van Alpha",
        "registration": "AB-12",
        "driver": "Ann Lee",
        "status": "moving",
        "lat": 1.5,
        "lon": 2.5,
        "speed_mps": 8.0,
        "fix_time_ms": world.wall_ms - 500,
    }
    by_status = {status: labels(get(site.seer, path, status=status)) for status in ("moving", "idle", "unlocated")}
    assert by_status == {"moving": ["Alpha"], "idle": ["Bravo"], "unlocated": ["North-unlabelled", "Bravo2"]}
    detail = get(site.seer, f"vehicles/{bravo2.pk}")
    assert detail == {
        **dict.fromkeys(("vehicle", "registration", "lat", "lon", "speed_mps", "fix_time_ms")),
        **dict.fromkeys(("course_deg", "altitude_m", "accuracy_m", "battery_pct")),
        "id": bravo2.pk,
        "label": "Bravo2",
        "driver": "Ann Bray",
        "status": "unlocated",
        "unique_id": "North-Bravo2",
        "fleet_id": site.north.pk,
        "counts_today": {"accepted": 0, "quarantined": 0},
    }


def test_without_a_live_map_the_status_comes_from_the_last_stored_fix(site: Site) -> None:
    now = datetime.now(UTC)
    alpha, bravo = site.north_devices[:2]
    store(alpha.pk, (now - timedelta(seconds=20), 1.0, 2.0, 9.0), (now - timedelta(seconds=10), 1.5, 2.5, 8.0))
    store(bravo.pk, (now - timedelta(seconds=310), 3.0, 4.0, None))

    path = f"fleets/{site.north.pk}/vehicles"
    found = {item["label"]: (item["status"], item["lat"], item["speed_mps"]) for item in get(site.seer, path)["items"]}

    assert found["Alpha"] == ("moving", 1.5, 8.0)
    assert found["Bravo"] == ("offline", 3.0, None)
    assert found["Bravo2"] == ("unlocated", None, None)
    assert labels(get(site.seer, path, status="offline")) == ["Bravo"]


@pytest.mark.parametrize("fleet_size", [1, 30])
def test_a_page_costs_the_same_queries_however_many_vehicles_it_shows(
    site: Site, fleet_size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    new = [NewDevice(unique_id=f"more-{n}", label=f"More {n}", vehicle_name=f"Van {n}") for n in range(fleet_size)]
    register_devices(site.north, new)
    client = client_of(site.seer)

    with django_assert_num_queries(4):  # the user, two for permissions, the fleets with their totals
        client.get(f"{BASE}/fleets")
    with django_assert_num_queries(6):  # the same with one fleet, then the count and the page
        answer = client.get(f"{BASE}/fleets/{site.north.pk}/vehicles")
    assert len(answer.json()["items"]) == fleet_size + 4


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"limit": 0}, (422, "invalid_request")),
        ({"limit": 501}, (422, "invalid_request")),
        ({"status": "late"}, (422, "invalid_request")),
        ({"search": "x" * 101}, (422, "invalid_request")),
        ({"search": "\0"}, (422, "invalid_request")),
        ({"cursor": "nonsense"}, (400, "invalid_cursor")),
        ({"cursor": "é"}, (400, "invalid_cursor")),
        ({"cursor": Cursor("a\0b", 1).text}, (400, "invalid_cursor")),
        ({"cursor": Cursor("a", 2**31).text}, (400, "invalid_cursor")),
        ({"cursor": "WzFd"}, (400, "invalid_cursor")),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_in_the_one_shape(
    site: Site, query: dict[str, str | int], expected: tuple[int, str]
) -> None:
    assert refusal(site.seer, f"fleets/{site.north.pk}/vehicles", **query) == expected


# One vehicle's way ----------------------------------------------------------------------------------------------------


def test_a_track_is_of_the_last_minutes_by_the_fleets_clock_and_names_its_gaps(site: Site) -> None:
    then = datetime(2008, 6, 6, 12, 0, tzinfo=UTC)
    set_fleet_clock(site.north, speed=0.0, wall_at=datetime.now(UTC), fleet_at=then)
    device = site.north_devices[0]
    minutes_ago = (40, 20, 19, 10, 9, -1)
    store(device.pk, *((then - timedelta(minutes=m), 1.0 + m, 2.0, None if m == 20 else 3.0) for m in minutes_ago))

    found = get(site.seer, f"vehicles/{device.pk}/track")

    then_ms = round(then.timestamp() * 1000)
    assert found["points"] == [[2.0, 1.0 + m, then_ms - m * 60_000, None if m == 20 else 3.0] for m in minutes_ago[1:]]
    assert (found["gaps_after"], found["thinned"]) == ([1, 3], False)
    assert len(get(site.seer, f"vehicles/{device.pk}/track", minutes=60)["points"]) == 6
    assert get(site.seer, f"vehicles/{device.pk}")["counts_today"] == {"accepted": 6, "quarantined": 0}
    for minutes in (0, 1441, "x"):
        assert refusal(site.seer, f"vehicles/{device.pk}/track", minutes=minutes) == (422, "invalid_request")


def test_a_long_track_is_thinned_evenly_keeps_both_ends_and_does_not_lose_its_gap() -> None:
    times_s = [*range(5_000), *range(6_000, 11_000)]
    points = [TrackPoint(0.0, 0.0, second * 1000, None) for second in times_s]

    track = thin_track(points)

    assert (len(track.points), track.is_thinned) == (2_000, True)
    assert (track.points[0], track.points[-1]) == (points[0], points[-1])
    (gap,) = track.gaps_after
    assert track.points[gap].fix_time_ms < 5_000_000 <= 6_000_000 <= track.points[gap + 1].fix_time_ms
    steps = {b.fix_time_ms - a.fix_time_ms for a, b in zip(track.points[:900], track.points[1:900], strict=False)}
    assert steps == {5_000, 6_000} or steps == {5_000}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_short_track_is_whole(count: int) -> None:
    points = [TrackPoint(0.0, 0.0, second * 400_000, None) for second in range(count)]

    track = thin_track(points)

    assert (track.points, track.is_thinned) == (points, False)
    assert track.gaps_after == list(range(count - 1))
