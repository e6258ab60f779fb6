"""Fixtures of the fault tests: a database of their own, and a recording to replay."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import separate_database


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """The environment of a fresh, migrated database."""
    with separate_database() as variables:
        yield variables


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Twenty taxis that report every recorded second for 100 s, in the columns of the Cabspotting set: 2,000 fixes."""
    path = tmp_path / "taxis.csv"
    lines = ["unix_time,cab,lat,lon,occupied"]
    for second in range(100):
        for taxi in range(20):
            lat, lon = 37.75 + taxi * 0.002 + second * 0.00005, -122.42 + second * 0.00005
            lines.append(f"{1_212_710_400 + second},taxi{taxi:02d},{lat:.5f},{lon:.5f},{taxi % 2}")
    path.write_text("\n".join(lines) + "\n")
    return path
