"""Drives simulated vehicles along the demo city's streets and reports their positions through the ingest address."""

import asyncio
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from dispatch.feeding.enrolment import find_fleet, register_vans, take_devices
from dispatch.feeding.errors import FeedingError
from dispatch.feeding.lane import Address, parse_address
from dispatch.feeding.progress import Progress, report_lines
from dispatch.feeding.running import run_until_stopped, wall_ms
from dispatch.feeding.sender import FixSender
from dispatch.feeding.simulation import Simulation
from dispatch.feeding.streets import Streets, load_streets
from dispatch.feeding.tally import Tally
from dispatch.fleet.errors import FleetError

LANE_COUNT_MAX = 1_500
"""Connections of 50,000 phones that report every 5 s and are answered in about 100 ms, with room to spare."""
LEAD_S = 1.0
"""Before the first fix: running servers hear of new devices and secrets within this time."""


def positive(text: str) -> float:
    """An option that is a number above zero."""
    try:
        value = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a number") from error
    if value <= 0:
        raise ArgumentTypeError("it must be more than zero")
    return value


class Command(BaseCommand):
    """``manage.py simulate``."""

    help = (
        "Drives vehicles along the demo city's streets and sends their fixes to a running server as phones would: with"
        " noise, gaps and backlogs. Ends on SIGINT or SIGTERM, or after --duration."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--fleet", default="", help="name or key of the fleet (default: the only one)")
        parser.add_argument("--vehicles", type=int, help="how many (default: all that the fleet has)")
        parser.add_argument(
            "--register",
            choices=("id-only", "secrets"),
            help="drive vans of our own, registered when missing: by identifier alone, or each with a secret (renewed)",
        )
        parser.add_argument(
            "--renew-secrets",
            action="store_true",
            help="also drive the fleet's devices with a secret, which is replaced: a real device is locked out",
        )
        parser.add_argument("--seed", type=int, default=1, help="of all randomness (default %(default)s)")
        parser.add_argument(
            "--interval", type=positive, default=5.0, help="seconds between fixes (default %(default)s)"
        )
        parser.add_argument("--duration", type=positive, help="seconds to drive (default: until stopped)")
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server (default %(default)s)")
        parser.add_argument("--streets", type=Path, help="street file (default: the demo city's)")

    def handle(self, *_: object, **options: Any) -> None:
        """Choose devices, drive, report."""
        try:
            address = parse_address(options["url"])
            streets = load_streets(options["streets"] or settings.ROOT / ".run" / "basemap" / "streets.npz")
            devices = self._devices(options)
        except (FeedingError, FleetError) as error:
            raise CommandError(str(error)) from error
        connections.close_all()
        self.stdout.write(f"{len(devices):,} vehicles, a fix every {options['interval']:g} s, to {options['url']}")
        started_s, tally = time.monotonic(), Tally()
        run_until_stopped(self._drive(address, tally, streets=streets, devices=devices, options=options))
        self.stdout.write("\n".join(report_lines(tally, started_s=started_s)))

    def _devices(self, options: dict[str, Any]) -> Sequence[tuple[str, str]]:
        """Identifier and secret of each device to drive."""
        fleet, count = find_fleet(options["fleet"]), options["vehicles"]
        if options["register"]:
            return register_vans(fleet, count=count or 1, with_secrets=options["register"] == "secrets")
        found = take_devices(fleet, renew_secrets=options["renew_secrets"])
        if not found or (count and len(found) < count):
            raise CommandError(
                f"{fleet.name} has {len(found):,} active devices to drive. Those with a secret need --renew-secrets;"
                " with --register the simulation brings vans of its own."
            )
        return found[:count]

    async def _drive(
        self,
        address: Address,
        tally: Tally,
        *,
        streets: Streets,
        devices: Sequence[tuple[str, str]],
        options: dict[str, Any],
    ) -> None:
        """Drive until the end; also when it is stopped, the connections are closed in order."""
        sender = FixSender(address, tally=tally, seed=options["seed"], lane_count_max=LANE_COUNT_MAX)
        phones = [sender.add_phone(unique_id, secret=secret or None) for unique_id, secret in devices]
        simulation = Simulation(
            streets, phones=phones, sender=sender, interval_s=options["interval"], seed=options["seed"]
        )

        def clock_text() -> str:
            return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z"

        await asyncio.sleep(LEAD_S)
        try:
            async with Progress(tally, stream=sys.stderr, total=None, clock_text=clock_text):
                await simulation.run(wall_s=lambda: wall_ms() / 1000, duration_s=options["duration"])
                for phone in phones:
                    sender.set_offline(phone, is_offline=False)
                await sender.drain()
        finally:
            await sender.close()
            if simulation.skipped_s:
                self.stderr.write(f"This machine fell behind: {simulation.skipped_s:.1f} s of driving were left out.")
