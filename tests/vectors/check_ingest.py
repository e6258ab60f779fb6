"""Compare the ingest decoders with a directory of decoded messages: ``python tests/vectors/check_ingest.py DIRECTORY``.

The directory holds ``dispatch/osmand_query.json`` and ``dispatch/background_geolocation_json.json``: lists of
messages with the values that an independent decoder found. Prints each difference; exits 1 if there is one, 2 if a
file is missing.
"""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dispatch.core.decode_geolocation import decode_geolocation
from dispatch.core.decode_osmand import decode_osmand, parse_parameters
from dispatch.core.errors import Undecodable
from dispatch.core.fix import Fix
from dispatch.core.fix_time import parse_time_ms
from dispatch.core.reading import Report

FIELDS = ("lat", "lon", "speed_mps", "course_deg", "altitude_m", "accuracy_m", "battery_pct")
RECEIVED = "server receive time"
ATTRIBUTES = ("event", "is_moving", "odometer", "uuid", "age", "mock", "activity", "extras", "cells", "wifi")
TOLERANCE = 1e-4
"""The files round speeds to four digits."""


def decode(file_name: str, message: str) -> Report | None:
    """The message decoded, None if it is refused."""
    try:
        if file_name == "osmand_query.json":
            return decode_osmand(parse_parameters(message.partition("?")[2].encode()))
        return decode_geolocation(message.encode(), fixes_max=1_000)
    except Undecodable:
        return None


def differences(fix: Fix, expected: dict[str, Any]) -> Iterator[str]:
    """In words, what differs."""
    said = expected.get("fix_time")
    wanted_ms = None if said == RECEIVED else parse_time_ms(said)
    if fix.fix_time_ms != wanted_ms:
        yield f"fix_time_ms is {fix.fix_time_ms}, expected {wanted_ms}"
    for name in FIELDS:
        value: Any = getattr(fix, name)
        wanted: Any = expected.get(name)
        unknown = value is None or wanted is None
        if value != wanted and (unknown or not math.isclose(float(value), float(wanted), abs_tol=TOLERANCE)):
            yield f"{name} is {value}, expected {wanted}"
    attributes = json.loads(fix.attributes or b"{}")
    wanted_attributes = expected.get("attributes", {}) | {key: expected[key] for key in ATTRIBUTES if key in expected}
    for name, wanted in wanted_attributes.items():
        if attributes.get(name) != wanted:
            yield f"attribute {name} is {attributes.get(name)!r}, expected {wanted!r}"


def check(path: Path) -> list[str]:
    """The differences of one file, each with the number of its message."""
    found = []
    for number, vector in enumerate(json.loads(path.read_text(encoding="utf-8"))["vectors"]):
        report, expected = decode(path.name, vector["input"]), vector["expected"]
        fixes = [] if report is None else report.fixes
        wanted = expected if isinstance(expected, list) else [expected] if expected else []
        if len(fixes) != len(wanted):
            found.append(f"{path.name}[{number}]: {len(fixes)} fixes, expected {len(wanted)}")
            continue
        for fix, values in zip(fixes, wanted, strict=True):
            assert report is not None
            if report.device_id != values.get("device_id", ""):
                found.append(f"{path.name}[{number}]: device is {report.device_id!r}")
            found += [f"{path.name}[{number}]: {difference}" for difference in differences(fix, values)]
    return found


def main(arguments: list[str]) -> int:
    """Run over the directory that the command line names."""
    if len(arguments) != 1:
        sys.stderr.write("usage: check_ingest.py DIRECTORY\n")
        return 2
    root = Path(arguments[0]) / "dispatch"
    paths = [root / "osmand_query.json", root / "background_geolocation_json.json"]
    missing = [path for path in paths if not path.is_file()]
    for path in missing:
        sys.stderr.write(f"{path} is missing\n")
    if missing:
        return 2
    found = [difference for path in paths for difference in check(path)]
    for difference in found:
        sys.stdout.write(difference + "\n")
    sys.stdout.write(f"{len(found)} differences in {len(paths)} files\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
