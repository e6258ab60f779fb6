"""The JSON of phones, against values that others decoded."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.decode_geolocation import decode_geolocation
from dispatch.core.errors import Undecodable
from dispatch.core.fix import Fix
from dispatch.core.reading import ATTRIBUTES_BYTES_MAX, encode_attributes
from dispatch.tests.core.test_decode_osmand import assert_storable

# Source: Traccar, OsmAndProtocolDecoderTest.testDecodeJson (commit 9e5c458a); the values were decoded independently.
STANDING = {
    "location": {
        "timestamp": "2025-06-15T13:45:12.862Z",
        "coords": {
            "latitude": 37.4219983,
            "longitude": -122.084,
            "accuracy": 5,
            "speed": 0,
            "heading": -1,
            "altitude": 5,
        },
        "is_moving": False,
        "odometer": 0,
        "event": "motionchange",
        "battery": {"level": 1, "is_charging": False},
        "activity": {"type": "still"},
        "extras": {},
        "_": "&id=48241179&lat=37.4219983&lon=-122.084&timestamp=2025-06-15T13:45:12.862Z&",
    },
    "device_id": "48241179",
}
DRIVING: dict[str, Any] = {
    "event": "motionchange",
    "is_moving": False,
    "uuid": "0e9a2473-a9a7-4c00-997b-fb97d2154e75",
    "timestamp": "2021-07-21T08:06:34.444Z",
    "odometer": 0,
    "coords": {
        "latitude": -6.1148096,
        "longitude": 106.6837015,
        "accuracy": 3.8,
        "speed": 18.67,
        "speed_accuracy": 0.26,
        "heading": 63,
        "heading_accuracy": 0.28,
        "altitude": 35.7,
        "altitude_accuracy": 3.8,
    },
    "activity": {"type": "still", "confidence": 100},
    "battery": {"is_charging": False, "level": 0.79},
    "extras": {},
}
DRIVING_FIX = Fix(1626854794444, -6.1148096, 106.6837015, 18.67, 63.0, 35.7, 3.8, 79.0)


def decode(message: object) -> Any:
    return decode_geolocation(json.dumps(message).encode(), fixes_max=1_000)


def without_attributes(fix: Fix) -> Fix:
    return Fix(
        fix.fix_time_ms,
        fix.lat,
        fix.lon,
        fix.speed_mps,
        fix.course_deg,
        fix.altitude_m,
        fix.accuracy_m,
        fix.battery_pct,
    )


def attributes(fix: Fix) -> dict[str, Any]:
    assert fix.attributes is not None
    return msgspec.json.decode(fix.attributes, type=dict[str, Any])


def test_golden_a_standing_phone_has_speed_zero_and_an_unknown_course() -> None:
    report = decode(STANDING)
    assert (report.device_id, report.is_array) == ("48241179", False)
    assert without_attributes(report.fixes[0]) == Fix(1749995112862, 37.4219983, -122.084, 0.0, None, 5.0, 5.0, 100.0)
    assert attributes(report.fixes[0]) == {
        "event": "motionchange",
        "is_moving": False,
        "odometer": 0,
        "activity": "still",
        "is_charging": False,
    }


def test_golden_a_driving_phone_reports_metres_a_second_and_a_fraction_of_its_battery() -> None:
    report = decode({"location": DRIVING, "device_id": "8737767034"})
    assert without_attributes(report.fixes[0]) == DRIVING_FIX
    assert attributes(report.fixes[0])["uuid"] == "0e9a2473-a9a7-4c00-997b-fb97d2154e75"


def test_golden_a_simulator_that_knows_nothing_reports_nothing() -> None:
    location = {
        "mock": True,
        "age": 188,
        "timestamp": "2025-05-09T04:11:30.579Z",
        "coords": {"latitude": 37.785834, "longitude": -122.406417, "speed": -1, "heading": -1, "accuracy": 5},
        "battery": {"level": -1, "is_charging": False},
    }
    fix = decode({"location": location, "device_id": 658765}).fixes[0]
    assert without_attributes(fix) == Fix(1746763890579, 37.785834, -122.406417, accuracy_m=5.0)
    assert attributes(fix) == {"mock": True, "age": 188, "is_charging": False}


def test_a_batch_comes_as_an_array_in_the_order_of_the_message() -> None:
    second = DRIVING | {"timestamp": "2021-07-21T08:06:44.444Z"}
    report = decode({"device_id": "8737767034", "location": [second, DRIVING]})
    assert report.is_array
    assert [fix.fix_time_ms for fix in report.fixes] == [1626854804444, 1626854794444]


@pytest.mark.parametrize("message", [[DRIVING], DRIVING])
def test_a_bare_location_or_array_leaves_the_identity_to_a_header(message: object) -> None:
    report = decode(message)
    assert report.device_id == ""
    assert [without_attributes(fix) for fix in report.fixes] == [DRIVING_FIX]


def test_params_merged_beside_a_bare_location_name_the_device() -> None:
    report = decode(DRIVING | {"device_id": "a", "secret": "s"})
    assert (report.device_id, report.secret) == ("a", "s")
    assert "secret" not in attributes(report.fixes[0])


def test_texts_infinity_and_foreign_bytes_are_survived() -> None:
    location = b'{"note":"caf\xe9","coords":{"latitude":"52.5","longitude":13,"speed":Infinity}}'
    body = b'\xef\xbb\xbf{"device_id":"a","location":' + location + b"}"
    fix = decode_geolocation(body, fixes_max=1).fixes[0]
    assert (fix.lat, fix.lon, fix.speed_mps) == (52.5, 13.0, None)
    assert attributes(fix) == {"note": "caf\N{REPLACEMENT CHARACTER}"}


def test_an_element_that_nobody_understands_does_not_hold_up_its_batch() -> None:
    poison = {"timestamp": "soon", "coords": {"latitude": 1, "longitude": 1}, "secret": "open-sesame"}
    report = decode([DRIVING, 17, poison])
    assert without_attributes(report.fixes[0]) == DRIVING_FIX
    assert [fix.lat for fix in report.fixes[1:]] == [None, None]
    assert attributes(report.fixes[1]) == {"undecodable": "not_a_report", "raw": "17"}
    assert attributes(report.fixes[2])["undecodable"] == "bad_timestamp"
    assert b"open-sesame" not in (report.fixes[2].attributes or b"")


def test_long_attributes_are_replaced_by_a_note() -> None:
    fix = decode(DRIVING | {"extras": {"photo": "x" * 5_000}}).fixes[0]
    assert list(attributes(fix)) == ["attributes_omitted_bytes"]


class Counted(list[int]):
    """Counts how often somebody looked at one of its items."""

    looked_at = 0

    def __iter__(self) -> Iterator[int]:
        for item in super().__iter__():
            self.looked_at += 1
            yield item


@pytest.mark.parametrize("poison", ["\ud800", "\0"])
def test_a_megabyte_of_attributes_is_not_cleaned_to_be_left_out(poison: str) -> None:
    """Beside one lone surrogate it held the loop for a quarter of a second, before a credential was looked at."""
    values = Counted([1] * 500_000)
    kept = msgspec.json.decode(encode_attributes({"x": poison, "y": values}) or b"")
    assert kept["attributes_omitted_bytes"] > ATTRIBUTES_BYTES_MAX
    assert values.looked_at <= ATTRIBUTES_BYTES_MAX


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"a":' * 50_000, "not_json"),
        (b"{}", "not_a_report"),
        (b'{"location":null,"device_id":"a"}', "not_a_report"),
        (b'{"coords":{"latitude":"north","longitude":1}}', "bad_coordinates"),
        (b'{"coords":{"latitude":[],"longitude":1}}', "bad_coordinates"),
        (b'{"coords":{},"timestamp":{}}', "bad_timestamp"),
        (b"[" + b",".join([b"1"] * 4) + b"]", "too_many_fixes"),
    ],
)
def test_what_is_no_report_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode_geolocation(body, fixes_max=3)
    assert caught.value.reason == reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
locations = st.fixed_dictionaries(
    {},
    optional={
        "coords": st.one_of(
            json_values,
            st.fixed_dictionaries(
                {},
                optional=dict.fromkeys(("latitude", "longitude", "speed", "heading", "accuracy", "extra"), json_values),
            ),
        ),
        "timestamp": json_values,
        "battery": json_values,
        "activity": json_values,
        "extras": json_values,
        "other": json_values,
    },
)


@given(
    st.one_of(
        json_values, st.fixed_dictionaries({"location": locations | st.lists(locations), "device_id": json_values})
    )
)
def test_any_json_decodes_or_is_refused_in_the_decoders_own_words(message: object) -> None:
    try:
        report = decode(message)
    except Undecodable:
        return
    for fix in report.fixes:
        assert_storable(fix)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(body: bytes) -> None:
    try:
        decode_geolocation(body, fixes_max=10)
    except Undecodable:
        return
