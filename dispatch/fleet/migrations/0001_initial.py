"""Fleets, vehicles, drivers and devices, with what Django cannot declare: composite foreign keys and the hash's
length."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

SAME_FLEET = """
ALTER TABLE fleet_device
    ADD CONSTRAINT fleet_device_vehicle_same_fleet FOREIGN KEY (vehicle_id, fleet_id) REFERENCES fleet_vehicle (id,
    fleet_id), ADD CONSTRAINT fleet_device_driver_same_fleet FOREIGN KEY (driver_id, fleet_id) REFERENCES fleet_driver
    (id, fleet_id), ADD CONSTRAINT fleet_device_secret_hash_sha256 CHECK (octet_length(secret_hash) = 32);
"""
SAME_FLEET_UNDONE = """
ALTER TABLE fleet_device
    DROP CONSTRAINT fleet_device_vehicle_same_fleet,
    DROP CONSTRAINT fleet_device_driver_same_fleet,
    DROP CONSTRAINT fleet_device_secret_hash_sha256;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Fleet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                (
                    "clock_speed",
                    models.FloatField(
                        default=1.0,
                        help_text="Fleet seconds in one second; 1 for a live fleet, 0 holds the clock still.",
                        validators=[
                            django.core.validators.MinValueValidator(0.0),
                            django.core.validators.MaxValueValidator(1000.0),
                        ],
                    ),
                ),
                (
                    "clock_anchor_wall_at",
                    models.DateTimeField(blank=True, help_text="Wall time of the anchor.", null=True),
                ),
                (
                    "clock_anchor_fleet_at",
                    models.DateTimeField(blank=True, help_text="The fleet's time at the anchor.", null=True),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Groups whose members may see this fleet.",
                        related_name="fleets",
                        to="auth.group",
                    ),
                ),
            ],
            options={
                "ordering": ("name",),
                "permissions": (("view_every_fleet", "Can see every fleet"),),
            },
        ),
        migrations.CreateModel(
            name="Driver",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("phone", models.CharField(blank=True, max_length=32)),
                (
                    "fleet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="drivers", to="fleet.fleet"
                    ),
                ),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="Vehicle",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("registration", models.CharField(blank=True, help_text="Number plate.", max_length=20)),
                (
                    "fleet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="vehicles", to="fleet.fleet"
                    ),
                ),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="Device",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "unique_id",
                    models.CharField(
                        help_text="What the device calls itself: IMEI, serial number or chosen id.",
                        max_length=64,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                r"^[!-~]{1,64}\Z", "1 to 64 printable ASCII characters without spaces."
                            )
                        ],
                        verbose_name="identifier",
                    ),
                ),
                (
                    "label",
                    models.CharField(
                        blank=True, help_text="What dispatchers read; the identifier if empty.", max_length=100
                    ),
                ),
                ("secret_hash", models.BinaryField(blank=True, max_length=32, null=True)),
                (
                    "id_only",
                    models.BooleanField(
                        default=False,
                        help_text="Accept fixes by identifier alone. Anyone who knows it can send.",
                        verbose_name="identifier only",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "driver",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="devices",
                        to="fleet.driver",
                    ),
                ),
                (
                    "fleet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="devices", to="fleet.fleet"
                    ),
                ),
                (
                    "vehicle",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="devices",
                        to="fleet.vehicle",
                    ),
                ),
            ],
            options={
                "ordering": ("label", "unique_id"),
            },
        ),
        migrations.AddConstraint(
            model_name="fleet",
            constraint=models.CheckConstraint(
                condition=models.Q(("clock_speed__gte", 0), ("clock_speed__lte", 1000.0)),
                name="fleet_clock_speed_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="fleet",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("clock_anchor_fleet_at__isnull", True),
                        ("clock_anchor_wall_at__isnull", True),
                        ("clock_speed", 1),
                    ),
                    models.Q(("clock_anchor_fleet_at__isnull", False), ("clock_anchor_wall_at__isnull", False)),
                    _connector="OR",
                ),
                name="fleet_clock_anchored_or_wall",
                violation_error_message="A clock needs both anchors, or none and speed 1.",
            ),
        ),
        migrations.AddConstraint(
            model_name="driver",
            constraint=models.UniqueConstraint(fields=("id", "fleet"), name="fleet_driver_id_fleet"),
        ),
        migrations.AddConstraint(
            model_name="vehicle",
            constraint=models.UniqueConstraint(fields=("fleet", "name"), name="fleet_vehicle_name_unique"),
        ),
        migrations.AddConstraint(
            model_name="vehicle",
            constraint=models.UniqueConstraint(fields=("id", "fleet"), name="fleet_vehicle_id_fleet"),
        ),
        migrations.AddIndex(
            model_name="device",
            index=models.Index(models.F("fleet"), models.F("label"), name="fleet_device_fleet_label"),
        ),
        migrations.AddConstraint(
            model_name="device",
            constraint=models.CheckConstraint(
                condition=models.Q(("unique_id__regex", r"^[!-~]{1,64}\Z")), name="fleet_device_unique_id_form"
            ),
        ),
        migrations.AddConstraint(
            model_name="device",
            constraint=models.CheckConstraint(
                condition=models.Q(("id_only", False), ("secret_hash__isnull", True), _connector="OR"),
                name="fleet_device_secret_or_id_only",
            ),
        ),
        migrations.RunSQL(SAME_FLEET, SAME_FLEET_UNDONE),
    ]
