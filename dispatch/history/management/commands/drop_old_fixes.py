"""``manage.py drop_old_fixes``: apply the retention of fixes and of the quarantine. Run it once a day."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from dispatch import settings
from dispatch.fleet.selectors import fleet_clocks
from dispatch.history.services import drop_old_fixes

__all__ = ["Command"]


class Command(BaseCommand):
    """Says what it dropped; days in use by a long query are left for the next run."""

    help = "Drop days of fixes older than DISPATCH['FIX_RETENTION_DAYS'] and old quarantined fixes."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run once."""
        forgotten = drop_old_fixes(
            now=timezone.now(),
            clocks=fleet_clocks(),
            fix_retention=timedelta(days=settings.FIX_RETENTION_DAYS.read()),
            quarantine_retention=timedelta(days=settings.QUARANTINE_RETENTION_DAYS.read()),
        )
        for day in forgotten.dropped:
            self.stdout.write(f"dropped fixes of {day}")
        for day in forgotten.busy:
            self.stdout.write(f"fixes of {day} are in use; left for the next run")
        self.stdout.write(f"deleted {forgotten.quarantined_count} quarantined fixes")
