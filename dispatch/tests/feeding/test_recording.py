"""Recordings are read as their header and mapping say, and unclear ones are refused with the question that is open."""

import gzip
from pathlib import Path

import pytest

from dispatch.feeding.errors import ColumnsUnclearError, RecordingUnreadableError
from dispatch.feeding.playback import survey_recording, within
from dispatch.feeding.recording import guess_columns, parse_mapping, parse_moment_ms, read_recording

TAXIS = (
    "unix_time,cab,lat,lon,occupied\n1212710400,asigno,37.77649,-122.39568,0\n1212710401,oiphye,37.75141,-122.39419,1\n"
)


def written(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["taxis.csv", "taxis.csv.gz"])
def test_a_taxi_recording_is_understood_without_a_mapping(tmp_path: Path, name: str) -> None:
    fixes = list(read_recording(written(tmp_path / name, TAXIS)))
    assert [(fix.device, fix.time_ms, fix.fix.lat, fix.fix.lon) for fix in fixes] == [
        ("asigno", 1_212_710_400_000, 37.77649, -122.39568),
        ("oiphye", 1_212_710_401_000, 37.75141, -122.39419),
    ]
    assert [fix.extras for fix in fixes] == [{"occupied": "0"}, {"occupied": "1"}]


def test_a_mapping_names_the_columns_that_the_header_leaves_open(tmp_path: Path) -> None:
    path = written(tmp_path / "odd.csv", "when,who,y,x,v\n2008-06-06T00:00:00Z,bus 7,60.1,24.9,12.5\n")
    mapping = parse_mapping("time=when, device=who,lat=y,lon=x,speed_mps=v")
    (fix,) = read_recording(path, mapping=mapping)
    assert (fix.device, fix.time_ms, fix.fix.speed_mps, fix.extras) == ("bus 7", 1_212_710_400_000, 12.5, {})


def test_two_columns_that_could_be_the_device_are_a_question_not_a_guess() -> None:
    with pytest.raises(ColumnsUnclearError, match="vehicle_id, imei") as caught:
        guess_columns(("time", "vehicle_id", "imei", "lat", "lon"), {})
    assert caught.value.field == "device"
    columns = guess_columns(("time", "vehicle_id", "imei", "lat", "lon"), {"device": "imei"})
    assert columns.fields["device"] == 2
    assert columns.extras == {"vehicle_id": 1}


def test_a_header_without_a_time_says_which_option_would_help() -> None:
    with pytest.raises(ColumnsUnclearError, match="--map time=COLUMN"):
        guess_columns(("moment", "cab", "lat", "lon"), {})


def test_a_plain_speed_without_unit_stays_an_attribute(tmp_path: Path) -> None:
    path = written(tmp_path / "s.csv", "time,device,lat,lon,speed\n1,a,60,24,30\n")
    (fix,) = read_recording(path)
    assert fix.fix.speed_mps is None
    assert fix.extras == {"speed": "30"}


@pytest.mark.parametrize("mapping", ["time", "time=", "when=time"])
def test_a_mapping_that_is_none_is_refused(mapping: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_mapping(mapping)


@pytest.mark.parametrize("row", ["1212710400,asigno,north,-122.4,0", "1212710400,asigno"])
def test_an_unreadable_row_is_named_by_its_line(tmp_path: Path, row: str) -> None:
    path = written(tmp_path / "bad.csv", TAXIS + row + "\n")
    with pytest.raises(RecordingUnreadableError, match="Line 4"):
        list(read_recording(path))


def test_an_empty_file_is_unreadable_not_a_recording_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(RecordingUnreadableError, match="empty"):
        list(read_recording(written(tmp_path / "empty.csv", "")))


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("1212710400", 1_212_710_400_000),
        ("1212710400.25", 1_212_710_400_250),
        ("1212710400000", 1_212_710_400_000),
        ("2008-06-06T00:00:00Z", 1_212_710_400_000),
        ("2008-06-06 00:00:00", 1_212_710_400_000),
        ("2008-06-06T02:00:00+02:00", 1_212_710_400_000),
    ],
)
def test_moments_are_read_in_every_usual_form(text: str, expected_ms: int) -> None:
    assert parse_moment_ms(text) == expected_ms


def test_a_survey_counts_fixes_devices_and_the_span_of_a_window(tmp_path: Path) -> None:
    path = written(tmp_path / "taxis.csv", TAXIS)
    whole = survey_recording(read_recording(path))
    assert whole is not None
    assert (whole.fix_count, whole.devices) == (2, ("asigno", "oiphye"))
    assert (whole.first_ms, whole.last_ms) == (1_212_710_400_000, 1_212_710_401_000)
    later = survey_recording(within(read_recording(path), start_ms=1_212_710_401_000, until_ms=None))
    assert later is not None
    assert later.devices == ("oiphye",)
    assert survey_recording(within(read_recording(path), start_ms=None, until_ms=0)) is None
