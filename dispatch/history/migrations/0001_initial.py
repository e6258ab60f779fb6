"""The partitioned log of fixes (SQL), the quarantine and the tracker's checkpoint."""

from django.db import migrations, models

FIX_LOG = """
CREATE TABLE history_fix (
    device_id integer NOT NULL,
    fix_time timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    lat double precision NOT NULL,
    lon double precision NOT NULL,
    speed_mps real,
    course_deg real,
    altitude_m real,
    accuracy_m real,
    battery_pct real,
    is_late boolean NOT NULL,
    attributes jsonb,
    CONSTRAINT history_fix_pkey PRIMARY KEY (device_id, fix_time),
    CONSTRAINT history_fix_lat CHECK (lat BETWEEN -90 AND 90),
    CONSTRAINT history_fix_lon CHECK (lon BETWEEN -180 AND 180),
    CONSTRAINT history_fix_speed CHECK (speed_mps >= 0 AND speed_mps < 'Infinity'),
    CONSTRAINT history_fix_course CHECK (course_deg >= 0 AND course_deg <= 360),
    CONSTRAINT history_fix_accuracy CHECK (accuracy_m >= 0 AND accuracy_m < 'Infinity'),
    CONSTRAINT history_fix_battery CHECK (battery_pct BETWEEN 0 AND 100)
) PARTITION BY RANGE (fix_time);
CREATE INDEX history_fix_received ON history_fix USING brin (received_at) WITH (pages_per_range = 32);
"""
# The bytes of floats do not compress; TOAST would only burn time trying.
CHECKPOINT_STORAGE = 'ALTER TABLE history_checkpointcolumn ALTER COLUMN "values" SET STORAGE EXTERNAL;'


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="StoredFix",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "device_id", "fix_time", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("device_id", models.IntegerField()),
                ("fix_time", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("lat", models.FloatField()),
                ("lon", models.FloatField()),
                ("speed_mps", models.FloatField(null=True)),
                ("course_deg", models.FloatField(null=True)),
                ("altitude_m", models.FloatField(null=True)),
                ("accuracy_m", models.FloatField(null=True)),
                ("battery_pct", models.FloatField(null=True)),
                ("is_late", models.BooleanField()),
                ("attributes", models.JSONField(null=True)),
            ],
            options={
                "verbose_name_plural": "stored fixes",
                "db_table": "history_fix",
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="CheckpointColumn",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("dtype", models.CharField(help_text="NumPy type with byte order, as '<f8'.", max_length=16)),
                ("values", models.BinaryField()),
                ("saved_at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="QuarantinedFix",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("device_id", models.IntegerField()),
                ("fix_time", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=32)),
                ("lat", models.FloatField(null=True)),
                ("lon", models.FloatField(null=True)),
                ("speed_mps", models.FloatField(null=True)),
                ("course_deg", models.FloatField(null=True)),
                ("altitude_m", models.FloatField(null=True)),
                ("accuracy_m", models.FloatField(null=True)),
                ("battery_pct", models.FloatField(null=True)),
                ("attributes", models.JSONField(null=True)),
            ],
            options={
                "verbose_name": "quarantined fix",
                "verbose_name_plural": "quarantined fixes",
                "ordering": ("-received_at",),
                "default_permissions": ("view",),
                "indexes": [models.Index(fields=["received_at"], name="history_quarantine_received")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("device_id", "fix_time", "reason", "lat", "lon"),
                        name="history_quarantine_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.RunSQL(FIX_LOG, "DROP TABLE history_fix;"),
        migrations.RunSQL(CHECKPOINT_STORAGE, migrations.RunSQL.noop),
    ]
