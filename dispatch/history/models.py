"""The log of fixes, the quarantine and the tracker's checkpoint.

Written by ``dispatch.ingest``'s group commit through ``dispatch.history.services`` and by nobody else, never through
the ORM one by one. There are no foreign keys to devices: a fix outlives its device, and a look-up per row is what a
log cannot afford. See docs/reference/ingest.md.
"""

from typing import ClassVar

from django.db import models

__all__ = ["CheckpointColumn", "QuarantinedFix", "StoredFix"]


class StoredFix(models.Model):
    """A durable fix, judged accepted or late. One a device and moment.

    The table is partitioned by the UTC day of ``fix_time``; its migration is SQL (unmanaged), its partitions are made
    on demand and dropped by ``manage.py drop_old_fixes``. NULL is unknown, which is not zero.
    """

    pk = models.CompositePrimaryKey("device_id", "fix_time")
    device_id = models.IntegerField()
    fix_time = models.DateTimeField()
    received_at = models.DateTimeField()
    lat = models.FloatField()
    lon = models.FloatField()
    speed_mps = models.FloatField(null=True)
    course_deg = models.FloatField(null=True)
    altitude_m = models.FloatField(null=True)
    accuracy_m = models.FloatField(null=True)
    battery_pct = models.FloatField(null=True)
    is_late = models.BooleanField()
    attributes = models.JSONField(null=True)

    class Meta:
        managed = False
        db_table = "history_fix"
        default_permissions = ("view",)
        verbose_name_plural = "stored fixes"

    def __str__(self) -> str:
        return f"{self.device_id} at {self.fix_time:%Y-%m-%d %H:%M:%S}"


class QuarantinedFix(models.Model):
    """A fix that was acknowledged but not believed, kept as it came, with the reason.

    The same one sent again is not kept twice. Coordinates may be impossible or absent: that is why the row is here.
    Rows older than the retention are deleted by ``manage.py drop_old_fixes``.
    """

    device_id = models.IntegerField()
    fix_time = models.DateTimeField()
    received_at = models.DateTimeField()
    reason = models.CharField(max_length=32)
    lat = models.FloatField(null=True)
    lon = models.FloatField(null=True)
    speed_mps = models.FloatField(null=True)
    course_deg = models.FloatField(null=True)
    altitude_m = models.FloatField(null=True)
    accuracy_m = models.FloatField(null=True)
    battery_pct = models.FloatField(null=True)
    attributes = models.JSONField(null=True)

    class Meta:
        ordering = ("-received_at",)
        default_permissions = ("view",)
        verbose_name = "quarantined fix"
        verbose_name_plural = "quarantined fixes"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["device_id", "fix_time", "reason", "lat", "lon"],
                name="history_quarantine_once",
                nulls_distinct=False,
            )
        ]
        indexes: ClassVar = [models.Index(fields=["received_at"], name="history_quarantine_received")]

    def __str__(self) -> str:
        return f"{self.device_id} at {self.fix_time:%Y-%m-%d %H:%M:%S}: {self.reason}"


class CheckpointColumn(models.Model):
    """One column of the tracker's state at ``saved_at``: the array's bytes, with its NumPy type.

    All columns are replaced together in one transaction, so those of a name set always belong to one moment.
    """

    name = models.CharField(max_length=64, primary_key=True)
    dtype = models.CharField(max_length=16, help_text="NumPy type with byte order, as '<f8'.")
    values = models.BinaryField()
    saved_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} at {self.saved_at:%Y-%m-%d %H:%M:%S}"
