"""System checks of the DISPATCH settings: dispatch.E001 (value), E002 (unknown name), E003 (values that contradict)."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from dispatch import settings

__all__ = ["check_settings"]


@checks.register("dispatch")
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Every name known, every value legal, no two that contradict each other."""
    try:
        values = settings.configured()
    except ImproperlyConfigured as problem:
        return [checks.Error(str(problem), id="dispatch.E001")]
    known = {setting.name: setting for setting in settings.REGISTRY}
    messages: list[checks.CheckMessage] = [
        checks.Error(
            f'DISPATCH has no setting "{name}".',
            hint="The names are listed in docs/reference/ingest.md.",
            id="dispatch.E002",
        )
        for name in values
        if name not in known
    ]
    problems = {name: known[name].problem(value) for name, value in values.items() if name in known}
    messages += [
        checks.Error(f'DISPATCH["{name}"] {problem}.', hint=known[name].help, id="dispatch.E001")
        for name, problem in problems.items()
        if problem
    ]
    return messages or _contradictions()


def _contradictions() -> list[checks.CheckMessage]:
    pairs = (
        (settings.INGEST_DEVICE_BURST, settings.INGEST_ARRAY_FIXES_MAX, "a full array could never be accepted"),
        (settings.FIX_RETENTION_DAYS, settings.FIX_PAST_LIMIT_DAYS, "fixes would go into days that are dropped"),
        (settings.INGEST_QUEUE_FIXES, settings.INGEST_BATCH_FIXES, "a batch could never fill"),
    )
    return [
        checks.Error(f'DISPATCH["{low.name}"] is below DISPATCH["{high.name}"]: {why}.', id="dispatch.E003")
        for low, high, why in pairs
        if low.read() < high.read()
    ]
