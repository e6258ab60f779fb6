"""The OsmAnd form, against values that others decoded."""

import math
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.core.decode_osmand import KNOT_MPS, decode_osmand, parse_parameters
from dispatch.core.errors import Undecodable
from dispatch.core.fix import Fix

# Source of the messages: Traccar, OsmAndProtocolDecoderTest.java (commit 9e5c458a); the values were decoded
# independently.
TRACCAR = [
    (
        b"id=902064&lat=42.06288&lon=-88.23412&timestamp=2016-01-27T18%3A55%3A47Z&hdop=6.0&altitude=224.0&speed=0.0",
        "902064",
        Fix(1453920947000, 42.06288, -88.23412, 0.0, None, 224.0, attributes=b'{"hdop":6.0}'),
    ),
    (
        b"id=902064&lat=42.06288&lon=-88.23412&timestamp=1442068686579&hdop=6.0&altitude=224.0&speed=0.0",
        "902064",
        Fix(1442068686579, 42.06288, -88.23412, 0.0, None, 224.0, attributes=b'{"hdop":6.0}'),
    ),
    (
        b"lat=49.60688&lon=6.15788&timestamp=2014-06-04+09%3A10%3A11&altitude=384.7&speed=0.0&id=353861053849681",
        "353861053849681",
        Fix(1401873011000, 49.60688, 6.15788, 0.0, None, 384.7),
    ),
    (
        b"id=123456&timestamp=1377177267&lat=60.0&lon=30.0&speed=0.0&bearing=0.0&altitude=0&hdop=0.0",
        "123456",
        Fix(1377177267000, 60.0, 30.0, 0.0, 0.0, 0.0, attributes=b'{"hdop":0.0}'),
    ),
    (b"id=123456&timestamp=1377177267&lat=60.0&lon=30.0", "123456", Fix(1377177267000, 60.0, 30.0)),
    (
        b"lat=60.0&lon=30.0&speed=0.0&heading=0.0&vacc=0&hacc=0&altitude=0&deviceid=123456",
        "123456",
        Fix(None, 60.0, 30.0, 0.0, 0.0, 0.0, attributes=b'{"vacc":0.0,"hacc":0.0}'),
    ),
    (
        b"id=861001000719969&lat=41.666667&lon=-0.883333&altitude=350.059479&speed=0.000000&batt=87",
        "861001000719969",
        Fix(None, 41.666667, -0.883333, 0.0, None, 350.059479, battery_pct=87.0),
    ),
    (b"id=123456&timestamp=1377177267&location=60.0,30.0", "123456", Fix(1377177267000, 60.0, 30.0)),
    (
        b"id=123456&timestamp=1377177267&cell=257,02,16,2224&cell=257,02,16,2223,-90&wifi=00-14-22-01-23-45,-80",
        "123456",
        Fix(
            1377177267000,
            None,
            None,
            attributes=b'{"cells":["257,02,16,2224","257,02,16,2223,-90"],"wifi":["00-14-22-01-23-45,-80"]}',
        ),
    ),
]

# Source: www.traccar.org/osmand, the second example; 15 knots are 7.7167 m/s.
DOCUMENTED = (
    b"deviceid=12345&lat=48.8566&lon=2.3522&timestamp=2021-01-01T00:00:00Z&speed=15&bearing=270&altitude=35"
    b"&accuracy=10&hdop=0.8&batt=75"
)


def decode(query: bytes) -> Fix:
    return decode_osmand(parse_parameters(query)).fixes[0]


@pytest.mark.parametrize(("query", "device_id", "fix"), TRACCAR)
def test_golden_messages_of_traccars_tests_decode_to_the_known_values(query: bytes, device_id: str, fix: Fix) -> None:
    report = decode_osmand(parse_parameters(query))
    assert (report.device_id, report.fixes) == (device_id, [fix])


def test_golden_the_documented_example_decodes_with_knots_and_percent() -> None:
    fix = decode(DOCUMENTED)
    assert fix.fix_time_ms == 1609459200000
    assert fix.speed_mps == pytest.approx(7.7167, abs=1e-4)
    assert (fix.course_deg, fix.altitude_m, fix.accuracy_m, fix.battery_pct) == (270.0, 35.0, 10.0, 75.0)


@pytest.mark.parametrize(
    ("unit", "expected_mps"),
    [("", 40 * KNOT_MPS), ("kn", 40 * KNOT_MPS), ("kmh", 40 / 3.6), ("mps", 40.0), ("mph", 17.8816)],
)
def test_the_speed_unit_is_honoured(unit: str, expected_mps: float) -> None:
    assert decode(f"id=a&lat=1&lon=1&speed=40&speed_unit={unit}".encode()).speed_mps == pytest.approx(expected_mps)


@pytest.mark.parametrize("text", ["-1", "", "NaN", "inf", "1_0", "٣", "1e999", "fast"])
def test_an_unknown_value_is_none_and_never_zero(text: str) -> None:
    fix = decode(f"id=a&lat=1&lon=1&speed={text}&bearing={text}&accuracy={text}&batt={text}".encode())
    assert (fix.speed_mps, fix.course_deg, fix.accuracy_m, fix.battery_pct) == (None, None, None, None)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (b"timestamp=1377177267&lat=60.0&lon=30.0", "missing_id"),
        (b"id=&lat=60.0&lon=30.0", "missing_id"),
        (b"id=a&deviceid=b&lat=1&lon=1", "ambiguous_id"),
        (b"id=a&lat=north&lon=1", "bad_coordinates"),
        (b"id=a&lat=1&lon=1&timestamp=yesterday", "bad_timestamp"),
        (b"id=a&" + b"x=1&" * 250, "not_a_form"),
    ],
)
def test_what_is_no_fix_is_refused_with_its_reason(query: bytes, reason: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(query)
    assert caught.value.reason == reason


def test_of_a_repeated_key_the_last_counts_and_an_identifier_may_be_repeated() -> None:
    fix = decode(b"id=a&deviceid=a&lat=1&lon=1&lat=2")
    assert fix.lat == 2.0


def test_impossible_coordinates_are_kept_for_the_tracker_to_judge() -> None:
    assert decode(b"id=a&lat=91&lon=-inf").lat == 91.0
    assert decode(b"id=a&lat=nan&lon=1").lat is None


def test_a_secret_of_a_form_is_taken_out_of_the_attributes_and_not_shown() -> None:
    report = decode_osmand(parse_parameters(b"id=a&lat=1&lon=1&secret=open-sesame"))
    assert report.secret == "open-sesame"
    assert report.fixes[0].attributes is None
    assert "open-sesame" not in repr(report)


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_refused_in_the_decoders_own_words(body: bytes) -> None:
    try:
        report = decode_osmand(parse_parameters(body))
    except Undecodable:
        return
    assert_storable(report.fixes[0])


@given(
    st.dictionaries(
        st.sampled_from(
            ["id", "lat", "lon", "location", "timestamp", "speed", "bearing", "altitude", "batt", "x", "cell"]
        ),
        st.one_of(st.text(max_size=20), st.floats().map(str), st.integers().map(str)),
    )
)
def test_any_values_of_known_keys_decode_or_are_refused(values: dict[str, str]) -> None:
    try:
        report = decode_osmand(list(values.items()))
    except Undecodable:
        return
    assert_storable(report.fixes[0])


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.integers(2**31, 4_000_000_000_000),
    st.floats(0, 300),
    st.floats(0, 359.99),
)
def test_what_a_client_writes_is_what_is_read(lat: float, lon: float, at_ms: int, speed: float, course: float) -> None:
    query = f"id=a&lat={lat}&lon={lon}&timestamp={at_ms}&speed={speed}&speed_unit=mps&bearing={course}"
    assert decode(query.encode()) == Fix(at_ms, lat, lon, speed, course)


def assert_storable(fix: Fix) -> None:
    """What the pipeline relies on."""
    assert fix.fix_time_ms is None or 0 <= fix.fix_time_ms < 2**53
    assert (fix.lat is None) == (fix.lon is None)
    for value in (fix.speed_mps, fix.course_deg, fix.altitude_m, fix.accuracy_m, fix.battery_pct):
        assert value is None or math.isfinite(value)
    if fix.attributes is not None:
        assert not re.search(rb"(?<!\\)(\\\\)*\\u0000", fix.attributes)  # jsonb takes no NUL
        assert isinstance(msgspec.json.decode(fix.attributes), dict)
