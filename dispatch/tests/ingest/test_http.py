"""Fixes over HTTP: shapes, answers, secrets and limits, against the running pipeline and database."""

import asyncio
import json
from base64 import b64encode
from typing import Any

import pytest
from django.test import override_settings

from dispatch.core.fix import Fix
from dispatch.fleet import services
from dispatch.history.models import StoredFix
from dispatch.ingest import http
from dispatch.tests.ingest.fleets import Fixture, client, now_ms, query, running

URL = "/ingest/osmand"


def location(at_ms: int, *, lat: float = 52.5, lon: float = 13.25) -> dict[str, Any]:
    return {"timestamp": at_ms, "coords": {"latitude": lat, "longitude": lon, "speed": 3.0, "heading": 90.0}}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def stored() -> list[Fix]:
    def read() -> list[Fix]:
        return [
            Fix(round(row.fix_time.timestamp() * 1000), row.lat, row.lon, row.speed_mps)
            for row in StoredFix.objects.order_by("fix_time")
        ]

    return await query(read)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_one_url_takes_queries_forms_and_json(fleet: Fixture, method: str, slash: str) -> None:
    at_ms = now_ms() - 10_000
    form = f"id=legacy-1&lat=52.5&lon=13.25&speed=3&speed_unit=mps&timestamp={at_ms}"
    async with running(), client() as phone:
        answer = await phone.request(method, f"{URL}{slash}?{form}")
        assert (answer.status_code, answer.headers["vola-fix"], answer.content) == (200, "accepted", b"")
        form = form.replace(str(at_ms), str(at_ms + 1_000))
        answer = await phone.request(method, URL + slash, content=form, headers={"content-type": "application/json"})
        assert answer.headers["vola-fix"] == "accepted"
        body = json.dumps({"device_id": "legacy-1", "location": location(at_ms + 2_000)})
        answer = await phone.request(method, URL + slash, content=body, headers={"content-type": "text/plain"})
        assert answer.headers["vola-fix"] == "accepted"
    assert await stored() == [Fix(at_ms + n * 1_000, 52.5, 13.25, 3.0) for n in range(3)]


async def test_an_array_is_answered_with_counts_in_any_order_and_again_as_duplicates(fleet: Fixture) -> None:
    at_ms = now_ms() - 60_000
    batch = [location(at_ms + n * 1_000, lat=52.5 + n / 1e5) for n in (2, 1, 0, 1)] + [
        location(at_ms, lat=0, lon=0),
        17,
    ]
    body = {"device_id": "legacy-1", "location": batch}
    async with running(), client() as phone:
        answer = await phone.post(URL, json=body)
        assert answer.status_code == 200
        assert answer.headers["vola-fix"] == (
            "accepted=3, duplicate=1, quarantined=1; reason=null_island, quarantined=1; reason=no_position"
        )
        again = await phone.post(URL, json=body)
        assert "accepted" not in again.headers["vola-fix"]
        assert (await phone.post(URL, json={"device_id": "legacy-1", "location": []})).status_code == 200
    assert [fix.lat for fix in await stored()] == [52.5, 52.50001, 52.50002]


async def test_a_poisonous_fix_is_acknowledged_so_that_the_queue_behind_it_moves_on(fleet: Fixture) -> None:
    async with running(), client() as phone:
        answer = await phone.get(f"{URL}?id=legacy-1&lat=95&lon=13.25")
    assert (answer.status_code, answer.headers["vola-fix"]) == (200, "quarantined; reason=out_of_range")


async def test_a_time_of_four_hundred_digits_is_quarantined_and_the_rest_of_its_array_is_taken(fleet: Fixture) -> None:
    """It was answered with 500, so a phone sent its queue again for ever."""
    wrong, right = json.dumps(location(0)).replace("0,", "9" * 400 + ",", 1), json.dumps(location(now_ms()))
    body = f'{{"device_id":"legacy-1","location":[{wrong},{right}]}}'
    async with running(), client() as phone:
        answer = await phone.post(URL, content=body)
    assert (answer.status_code, answer.headers["vola-fix"]) == (200, "accepted=1, quarantined=1; reason=in_future")


@pytest.mark.parametrize("way", ["bearer", "basic", "form", "json"])
async def test_a_secret_is_taken_from_the_header_or_the_body(fleet: Fixture, way: str) -> None:
    secret = fleet.secrets["a"]
    fix = "id=a&lat=52.5&lon=13.25"
    async with running(), client() as phone:
        if way == "bearer":
            answer = await phone.get(f"{URL}?{fix}", headers={"authorization": f"Bearer {secret}"})
        elif way == "basic":
            answer = await phone.post(URL, json=[location(now_ms())], auth=("a", secret))
        elif way == "form":
            answer = await phone.post(URL, content=f"{fix}&secret={secret}")
        else:
            answer = await phone.post(URL, json={"device_id": "a", "secret": secret, "location": location(now_ms())})
        assert (answer.status_code, answer.headers.get("vola-fix")) == (200, "accepted")


async def test_a_missing_wrong_or_foreign_secret_is_refused_and_nothing_stored(fleet: Fixture) -> None:
    async with running() as service, client() as phone:
        for headers in (
            {},
            {"authorization": "Bearer wrong"},
            {"authorization": f"Bearer {fleet.secrets['b']}"},
            {"authorization": "Basic !!!"},
            {"authorization": "Basic " + b64encode(b"\xff\xfe").decode()},
            {"authorization": "Digest x"},
        ):
            answer = await phone.get(f"{URL}?id=a&lat=52.5&lon=13.25", headers=headers)
            assert code(answer) == (401, "unauthorized")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert service.snapshot().refused == {"unauthorized": 6}
    assert await stored() == []


async def test_a_secret_in_the_url_is_refused_and_repeated_nowhere(
    fleet: Fixture, caplog: pytest.LogCaptureFixture
) -> None:
    secret = fleet.secrets["a"]
    async with running(), client() as phone:
        answer = await phone.get(f"{URL}?id=a&lat=52.5&lon=13.25&secret={secret}")
    assert code(answer) == (400, "secret_in_url")
    assert secret not in answer.text
    assert not any(secret in record.getMessage() for record in caplog.records if record.name.startswith("dispatch"))


@pytest.mark.parametrize(
    ("request_line", "content", "expected"),
    [
        ("GET ?lat=1&lon=1", b"", (400, "undecodable")),
        ("GET ?id=nobody&lat=1&lon=1", b"", (400, "unknown_device")),
        ("POST ", b'{"device_id":"nobody","location":{"coords":{}}}', (404, "unknown_device")),
        ("POST ", b'[{"coords":{"latitude":1,"longitude":1}}]', (400, "undecodable")),
        ("POST ?id=b", b'{"device_id":"legacy-1","coords":{}}', (400, "undecodable")),
        ("POST ", b"{", (400, "undecodable")),
        ("POST ", b"\xff\xfe{\x00}\x00", (400, "undecodable")),
        ("GET ?id=legacy-1&lat=1&lon=1&timestamp=soon", b"", (400, "undecodable")),
        ("DELETE ?id=legacy-1&lat=1&lon=1", b"", (405, "method_not_allowed")),
        ("POST ", b"[" + b"1," * 1_000 + b"1]", (413, "too_many_fixes")),
        ("POST ", b"id=legacy-1&x=" + b"x" * 70_000, (413, "too_large")),
        ("POST ", b"[" + b" " * 1_100_000 + b"]", (413, "too_large")),
        ("GET ?id=legacy-1&x=" + "x" * 20_000, b"", (431, "headers_too_large")),
    ],
)
async def test_what_cannot_be_taken_is_refused_by_name(
    fleet: Fixture, request_line: str, content: bytes, expected: tuple[int, str]
) -> None:
    method, _, rest = request_line.partition(" ")
    async with running() as service, client() as phone:
        answer = await phone.request(method, URL + rest, content=content)
        assert code(answer) == expected
        assert service.snapshot().refused == {expected[1]: 1}
        assert service.snapshot().received == 0


async def test_other_paths_are_not_found_and_a_deactivated_device_is_told_so(fleet: Fixture) -> None:
    await query(lambda: services.deactivate([fleet.devices["a"]]))
    async with running(), client() as phone:
        assert code(await phone.get("/ingest/other")) == (404, "not_found")
        headers = {"authorization": f"Bearer {fleet.secrets['a']}"}
        assert code(await phone.get(f"{URL}?id=a&lat=1&lon=1", headers=headers)) == (403, "device_inactive")


async def test_a_device_that_floods_is_slowed_down_and_the_others_are_not(fleet: Fixture) -> None:
    limits = {"INGEST_DEVICE_RATE_HZ": 1, "INGEST_DEVICE_BURST": 1_000}
    at_ms = now_ms() - 2_000_000
    batch = [location(at_ms + n * 1_000) for n in range(600)]
    with override_settings(DISPATCH=limits):
        async with running(), client() as phone:
            assert (await phone.post(URL, json={"device_id": "legacy-1", "location": batch})).status_code == 200
            refused = await phone.post(URL, json={"device_id": "legacy-1", "location": batch})
            assert code(refused) == (429, "rate_limited")
            assert int(refused.headers["retry-after"]) > 0
            assert (await phone.post(URL, json={"device_id": "legacy-2", "location": batch})).status_code == 200


type Events = list[dict[str, Any]]


async def call(events: Events, *, headers: list[tuple[bytes, bytes]] | None = None) -> Events:
    """Drive the application with raw ASGI events; after the last one nothing comes any more."""
    sent: Events = []
    waiting = list(events)

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {"type": "http", "method": "POST", "path": URL, "query_string": b"", "headers": headers or []}
    await http.application(scope, receive, send)
    return sent


async def test_a_body_that_dribbles_in_is_given_up(fleet: Fixture) -> None:
    with override_settings(DISPATCH={"INGEST_BODY_TIMEOUT_S": 1}):
        async with running():
            sent = await call([{"type": "http.request", "body": b"id=legacy-1", "more_body": True}])
    assert sent[0]["status"] == 408
    assert b"body_timeout" in sent[1]["body"]


async def test_an_announced_or_endless_body_is_refused_before_it_is_read(fleet: Fixture) -> None:
    async with running():
        for length in (b"99999999", b"9" * 40, b"-1", b"many"):
            assert (await call([], headers=[(b"content-length", length)]))[0]["status"] == 413
        endless = [{"type": "http.request", "body": b"[" + b" " * 65_000, "more_body": True}] * 40
        assert (await call(endless))[0]["status"] == 413


async def test_a_client_that_goes_away_gets_no_answer(fleet: Fixture) -> None:
    async with running():
        first = {"type": "http.request", "body": b"id=legacy-1", "more_body": True}
        assert await call([first, {"type": "http.disconnect"}]) == []


async def test_without_a_running_dispatch_fixes_are_refused_for_later(fleet: Fixture) -> None:
    async with client() as phone:
        assert code(await phone.get(f"{URL}?id=legacy-1&lat=1&lon=1")) == (503, "storage_unavailable")
