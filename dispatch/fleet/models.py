"""Fleets and what belongs to them.

A marker on the map is a :class:`Device`. Rows are written by ``dispatch.fleet.services`` only (the admin too),
because every write tells the running nodes of it. Positions are not here: they live in ``dispatch.history`` and in
the tracker's memory.
"""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from dispatch.core.clock import FleetClock

__all__ = ["CLOCK_SPEED_MAX", "Device", "Driver", "Fleet", "Vehicle"]

CLOCK_SPEED_MAX = 1_000.0
"""Fleet seconds in a wall second; a day of recording in a minute and a half is the most that anyone watches."""

UNIQUE_ID_PATTERN = r"^[!-~]{1,64}\Z"
"""Printable ASCII without spaces: what fits a URL, a log line and every protocol's login."""


class Fleet(models.Model):
    """An operation: it owns devices, vehicles and drivers, and keeps its own clock.

    The members of ``groups`` may see it, as may whoever holds ``fleet.view_every_fleet``. Without anchors its clock
    is the wall clock; a replay sets both anchors and a speed, so that a recording keeps its own timestamps and still
    is "now".
    """

    name = models.CharField(max_length=100, unique=True)
    groups = models.ManyToManyField(
        "auth.Group", blank=True, related_name="fleets", help_text="Groups whose members may see this fleet."
    )
    clock_speed = models.FloatField(
        default=1.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(CLOCK_SPEED_MAX)],
        help_text="Fleet seconds in one second; 1 for a live fleet, 0 holds the clock still.",
    )
    clock_anchor_wall_at = models.DateTimeField(null=True, blank=True, help_text="Wall time of the anchor.")
    clock_anchor_fleet_at = models.DateTimeField(null=True, blank=True, help_text="The fleet's time at the anchor.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("name",)
        permissions = (("view_every_fleet", "Can see every fleet"),)
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(clock_speed__gte=0, clock_speed__lte=CLOCK_SPEED_MAX), name="fleet_clock_speed_range"
            ),
            models.CheckConstraint(
                condition=Q(clock_anchor_wall_at__isnull=True, clock_anchor_fleet_at__isnull=True, clock_speed=1)
                | Q(clock_anchor_wall_at__isnull=False, clock_anchor_fleet_at__isnull=False),
                name="fleet_clock_anchored_or_wall",
                violation_error_message="A clock needs both anchors, or none and speed 1.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def clock(self) -> FleetClock:
        """The fleet's clock as a pure value."""
        if self.clock_anchor_wall_at is None or self.clock_anchor_fleet_at is None:
            return FleetClock()
        return FleetClock.anchored(
            wall_at=self.clock_anchor_wall_at, fleet_at=self.clock_anchor_fleet_at, speed=self.clock_speed
        )


class Vehicle(models.Model):
    """A van, bike or lorry of a fleet. It may carry several devices, or none."""

    fleet = models.ForeignKey(Fleet, on_delete=models.PROTECT, related_name="vehicles")
    name = models.CharField(max_length=100)
    registration = models.CharField(max_length=20, blank=True, help_text="Number plate.")

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["fleet", "name"], name="fleet_vehicle_name_unique"),
            models.UniqueConstraint(fields=["id", "fleet"], name="fleet_vehicle_id_fleet"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.registration})" if self.registration else self.name


class Driver(models.Model):
    """A person who drives for a fleet. Log-in accounts are Django users, not this."""

    fleet = models.ForeignKey(Fleet, on_delete=models.PROTECT, related_name="drivers")
    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["id", "fleet"], name="fleet_driver_id_fleet")]

    def __str__(self) -> str:
        return self.name


class Device(models.Model):
    """A tracker or a phone: the thing that sends fixes, a marker on the map.

    It proves who it is by a secret, of which only the SHA-256 is kept, or (``id_only``, for legacy trackers that can
    say no more) by its identifier alone. A device with neither cannot send. Vehicle and driver are of the same fleet:
    composite foreign keys in the database say so. The key is 32 bits wide because it travels on the wire as a u32.
    """

    id = models.AutoField(primary_key=True)
    fleet = models.ForeignKey(Fleet, on_delete=models.PROTECT, related_name="devices")
    unique_id = models.CharField(
        "identifier",
        max_length=64,
        unique=True,
        validators=[RegexValidator(UNIQUE_ID_PATTERN, "1 to 64 printable ASCII characters without spaces.")],
        help_text="What the device calls itself: IMEI, serial number or chosen id.",
    )
    label = models.CharField(max_length=100, blank=True, help_text="What dispatchers read; the identifier if empty.")
    vehicle = models.ForeignKey(Vehicle, null=True, blank=True, on_delete=models.SET_NULL, related_name="devices")
    driver = models.ForeignKey(Driver, null=True, blank=True, on_delete=models.SET_NULL, related_name="devices")
    secret_hash = models.BinaryField(max_length=32, null=True, blank=True, editable=False)
    id_only = models.BooleanField(
        "identifier only", default=False, help_text="Accept fixes by identifier alone. Anyone who knows it can send."
    )
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("label", "unique_id")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(unique_id__regex=UNIQUE_ID_PATTERN), name="fleet_device_unique_id_form"),
            models.CheckConstraint(
                condition=Q(id_only=False) | Q(secret_hash__isnull=True), name="fleet_device_secret_or_id_only"
            ),
        ]
        indexes: ClassVar = [models.Index(F("fleet"), F("label"), name="fleet_device_fleet_label")]

    def __str__(self) -> str:
        return self.label or self.unique_id

    @property
    def credential(self) -> str:
        """How the device proves who it is: ``secret``, ``identifier only`` or ``none``."""
        if self.id_only:
            return "identifier only"
        return "none" if self.secret_hash is None else "secret"
