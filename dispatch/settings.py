"""The settings of Dispatch: one dict DISPATCH in the project's settings, each name declared here with unit, default
and range.

Values are read lazily. The system checks report unknown names and illegal values (``dispatch.E001``,
``dispatch.E002``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

__all__ = ["REGISTRY", "Setting", "configured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One declared whole number of the DISPATCH dict; ``minimum`` and ``maximum`` are legal."""

    name: str
    default: int
    unit: str
    minimum: int
    maximum: int
    help: str

    def read(self) -> int:
        """The configured value, or the default.

        Raises:
            ImproperlyConfigured: the configured value is not acceptable.
        """
        value = configured().get(self.name, self.default)
        problem = self.problem(value)
        if problem:
            raise ImproperlyConfigured(f'DISPATCH["{self.name}"] {problem}')
        return int(value)

    def problem(self, value: object) -> str:
        """What is wrong with a value, or ""."""
        if not isinstance(value, int) or isinstance(value, bool):
            return f"must be a whole number, not {type(value).__name__}"
        if not self.minimum <= value <= self.maximum:
            return f"is {value}; it must be between {self.minimum} and {self.maximum} {self.unit}"
        return ""


def configured() -> Mapping[str, Any]:
    """The project's DISPATCH dict; empty when there is none.

    Raises:
        ImproperlyConfigured: DISPATCH is not a dict.
    """
    values = getattr(django_settings, "DISPATCH", {})
    if not isinstance(values, dict):
        raise ImproperlyConfigured(f"DISPATCH must be a dict, not {type(values).__name__}")
    return values


FIX_FUTURE_LIMIT_S: Final = Setting(
    name="FIX_FUTURE_LIMIT_S",
    default=300,
    unit="s",
    minimum=0,
    maximum=86_400,
    help="How far ahead of the fleet's clock a fix may be; beyond, it is quarantined.",
)
FIX_PAST_LIMIT_DAYS: Final = Setting(
    name="FIX_PAST_LIMIT_DAYS",
    default=30,
    unit="days",
    minimum=1,
    maximum=3_650,
    help="How far behind the fleet's clock a fix may be; beyond, it is quarantined.",
)
FIX_RETENTION_DAYS: Final = Setting(
    name="FIX_RETENTION_DAYS",
    default=90,
    unit="days",
    minimum=1,
    maximum=36_500,
    help="How long fixes are kept, by the fleet's clock. Not below FIX_PAST_LIMIT_DAYS.",
)
QUARANTINE_RETENTION_DAYS: Final = Setting(
    name="QUARANTINE_RETENTION_DAYS",
    default=14,
    unit="days",
    minimum=1,
    maximum=3_650,
    help="How long quarantined fixes are kept.",
)
INGEST_BATCH_WAIT_MS: Final = Setting(
    name="INGEST_BATCH_WAIT_MS",
    default=50,
    unit="ms",
    minimum=0,
    maximum=1_000,
    help="How long the first fix of a batch waits for others before they are committed together.",
)
INGEST_BATCH_FIXES: Final = Setting(
    name="INGEST_BATCH_FIXES",
    default=2_000,
    unit="fixes",
    minimum=1,
    maximum=50_000,
    help="Fixes at which a batch is committed at once, and the most it holds.",
)
INGEST_QUEUE_FIXES: Final = Setting(
    name="INGEST_QUEUE_FIXES",
    default=50_000,
    unit="fixes",
    minimum=1_000,
    maximum=5_000_000,
    help="Fixes that may wait to be committed; one more is refused (overloaded).",
)
INGEST_COMMIT_TIMEOUT_S: Final = Setting(
    name="INGEST_COMMIT_TIMEOUT_S",
    default=5,
    unit="s",
    minimum=1,
    maximum=300,
    help="How long a commit may take before its fixes are refused and the connection is given up.",
)
INGEST_BODY_BYTES_MAX: Final = Setting(
    name="INGEST_BODY_BYTES_MAX",
    default=65_536,
    unit="bytes",
    minimum=1_024,
    maximum=16_777_216,
    help="Largest form body.",
)
INGEST_JSON_BODY_BYTES_MAX: Final = Setting(
    name="INGEST_JSON_BODY_BYTES_MAX",
    default=1_048_576,
    unit="bytes",
    minimum=1_024,
    maximum=16_777_216,
    help="Largest JSON body.",
)
INGEST_HEADER_BYTES_MAX: Final = Setting(
    name="INGEST_HEADER_BYTES_MAX",
    default=16_384,
    unit="bytes",
    minimum=1_024,
    maximum=65_536,
    help="Largest sum of request headers, query included.",
)
INGEST_ARRAY_FIXES_MAX: Final = Setting(
    name="INGEST_ARRAY_FIXES_MAX",
    default=1_000,
    unit="fixes",
    minimum=1,
    maximum=10_000,
    help="Most fixes in one message. INGEST_DEVICE_BURST must not be below it.",
)
INGEST_BODY_TIMEOUT_S: Final = Setting(
    name="INGEST_BODY_TIMEOUT_S",
    default=10,
    unit="s",
    minimum=1,
    maximum=300,
    help="How long a body may take to arrive.",
)
INGEST_DEVICE_RATE_HZ: Final = Setting(
    name="INGEST_DEVICE_RATE_HZ",
    default=50,
    unit="fixes/s",
    minimum=1,
    maximum=100_000,
    help="Fixes that one device may send a second, on average.",
)
INGEST_DEVICE_BURST: Final = Setting(
    name="INGEST_DEVICE_BURST",
    default=2_000,
    unit="fixes",
    minimum=1,
    maximum=1_000_000,
    help="Fixes that one device may send at once, after a time without network.",
)
CHECKPOINT_INTERVAL_S: Final = Setting(
    name="CHECKPOINT_INTERVAL_S",
    default=30,
    unit="s",
    minimum=1,
    maximum=3_600,
    help="How often the tracker's state is saved; a start replays what arrived since.",
)
REGISTRY_RELOAD_INTERVAL_S: Final = Setting(
    name="REGISTRY_RELOAD_INTERVAL_S",
    default=60,
    unit="s",
    minimum=1,
    maximum=3_600,
    help="How often all devices are read again, beside the notifications of each change.",
)

REGISTRY: Final[tuple[Setting, ...]] = (
    FIX_FUTURE_LIMIT_S,
    FIX_PAST_LIMIT_DAYS,
    FIX_RETENTION_DAYS,
    QUARANTINE_RETENTION_DAYS,
    INGEST_BATCH_WAIT_MS,
    INGEST_BATCH_FIXES,
    INGEST_QUEUE_FIXES,
    INGEST_COMMIT_TIMEOUT_S,
    INGEST_BODY_BYTES_MAX,
    INGEST_JSON_BODY_BYTES_MAX,
    INGEST_HEADER_BYTES_MAX,
    INGEST_ARRAY_FIXES_MAX,
    INGEST_BODY_TIMEOUT_S,
    INGEST_DEVICE_RATE_HZ,
    INGEST_DEVICE_BURST,
    CHECKPOINT_INTERVAL_S,
    REGISTRY_RELOAD_INTERVAL_S,
)
