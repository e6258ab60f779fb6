"""Replays a recording of fixes through the public ingest address, on the fleet's own clock."""

import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from dispatch.core.clock import FleetClock
from dispatch.feeding.enrolment import anchor_clock, enrol, find_or_make_fleet, hold_clock
from dispatch.feeding.errors import FeedingError
from dispatch.feeding.journal import Journal
from dispatch.feeding.lane import Address, parse_address
from dispatch.feeding.playback import Survey, play, survey_recording, within
from dispatch.feeding.progress import Progress, report_lines
from dispatch.feeding.recording import RecordedFix, parse_mapping, parse_moment_ms, read_recording
from dispatch.feeding.running import run_until_stopped, wall_ms
from dispatch.feeding.sender import FixSender
from dispatch.feeding.tally import Tally
from dispatch.fleet.errors import FleetError

LEAD = timedelta(seconds=2)
"""From setting the clock to the first fix: running servers hear of clock and devices within this time."""


def mapping(text: str) -> dict[str, str]:
    """``--map``."""
    try:
        return parse_mapping(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def moment_ms(text: str) -> int:
    """``--start`` and ``--until``."""
    try:
        return parse_moment_ms(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is neither seconds since 1970 nor ISO 8601") from error


class Command(BaseCommand):
    """``manage.py replay FILE``."""

    help = (
        "Replays a CSV file of fixes (also .gz) as if its devices sent them now: through the HTTP ingest address of a"
        " running server, each when the fleet's clock reaches it. Exit code 1 when a fix was not acknowledged."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("file", type=Path, help="the recording: CSV with a header, rows in order of time")
        parser.add_argument("--speed", type=float, default=1.0, help="recorded seconds in a second (default 1)")
        parser.add_argument(
            "--fleet", default="", help="name of the fleet, made when missing (default: the file's name)"
        )
        parser.add_argument(
            "--map", type=mapping, default={}, metavar="FIELD=COLUMN,…", help="what the header leaves open"
        )
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server (default %(default)s)")
        parser.add_argument("--start", type=moment_ms, help="first recorded moment to send")
        parser.add_argument("--until", type=moment_ms, help="recorded moment before which to stop")
        parser.add_argument("--journal", type=Path, help="write every acknowledged fix to this file, one JSON a line")

    def handle(self, *_: object, **options: Any) -> None:
        """Read, enrol, play, hold the clock, report."""
        self._file: Path = options["file"]
        self._mapping: dict[str, str] = options["map"]
        self._span: tuple[int | None, int | None] = (options["start"], options["until"])
        speed: float = options["speed"]
        if not 0 < speed <= 1000:
            raise CommandError("--speed must be more than 0 and at most 1000")
        try:
            address = parse_address(options["url"])
            survey = survey_recording(self._fixes())
            if survey is None:
                raise CommandError(f"{self._file} holds no fix in this span")
            fleet = find_or_make_fleet(options["fleet"] or self._file.name.partition(".")[0])
            enrol(fleet, survey.devices)
            clock = anchor_clock(fleet, wall_at=datetime.now(UTC) + LEAD, fleet_ms=survey.first_ms, speed=speed)
        except (FeedingError, FleetError, OSError) as error:
            raise CommandError(str(error)) from error
        connections.close_all()
        started_s, tally, is_complete = time.monotonic(), Tally(), False
        try:
            with Journal(options["journal"]) as journal:
                is_complete = run_until_stopped(self._play(address, tally, journal, survey=survey, clock=clock))
        finally:
            hold_clock(fleet, fleet_ms=survey.last_ms if is_complete else clock.now_ms(wall_ms()))
        self.stdout.write("\n".join(report_lines(tally, started_s=started_s)))
        if tally.acknowledged < survey.fix_count:
            raise CommandError(f"{survey.fix_count - tally.acknowledged:,} fixes were not acknowledged")

    def _fixes(self) -> Iterator[RecordedFix]:
        """The part of the recording that was asked for."""
        start_ms, until_ms = self._span
        return within(read_recording(self._file, mapping=self._mapping), start_ms=start_ms, until_ms=until_ms)

    async def _play(
        self, address: Address, tally: Tally, journal: Journal, *, survey: Survey, clock: FleetClock
    ) -> None:
        """Send everything; also when it is stopped, the connections are closed in order."""
        sender = FixSender(address, tally=tally, acknowledged=journal.write)
        phones = {device: sender.add_phone(device) for device in survey.devices}

        def clock_text() -> str:
            return f"{datetime.fromtimestamp(clock.now_ms(wall_ms()) / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"

        try:
            async with Progress(tally, stream=sys.stderr, total=survey.fix_count, clock_text=clock_text):
                await play(self._fixes(), clock=clock, wall_ms=wall_ms, sender=sender, phones=phones)
        finally:
            await sender.close()
