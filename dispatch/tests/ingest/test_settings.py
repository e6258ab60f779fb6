"""The DISPATCH settings, their checks, and that the reference page names everything."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from dispatch import settings
from dispatch.core.fix import Verdict
from dispatch.ingest.checks import check_settings
from dispatch.ingest.errors import REFUSALS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "ingest.md"


def ids() -> list[str | None]:
    return [message.id for message in check_settings(None)]


def test_the_defaults_are_legal() -> None:
    assert ids() == []
    assert all(not setting.problem(setting.default) for setting in settings.REGISTRY)


@pytest.mark.parametrize("value", [0, 10**9, "50", True, 1.5])
def test_an_illegal_value_is_reported_and_not_used(value: object) -> None:
    with override_settings(DISPATCH={"INGEST_DEVICE_RATE_HZ": value}):
        assert ids() == ["dispatch.E001"]
        with pytest.raises(ImproperlyConfigured, match="INGEST_DEVICE_RATE_HZ"):
            settings.INGEST_DEVICE_RATE_HZ.read()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ["dispatch.E001"]),
        ({"INGEST_BATCH_SIZE": 1}, ["dispatch.E002"]),
        ({"INGEST_DEVICE_BURST": 10}, ["dispatch.E003"]),
        ({"FIX_RETENTION_DAYS": 10}, ["dispatch.E003"]),
        ({"INGEST_QUEUE_FIXES": 1_000}, ["dispatch.E003"]),
        ({"INGEST_BATCH_WAIT_MS": 10}, []),
    ],
)
def test_unknown_names_and_contradictions_are_reported(values: object, expected: list[str]) -> None:
    with override_settings(DISPATCH=values):
        assert ids() == expected


def test_the_page_names_every_setting_with_its_default_every_refusal_and_every_reason() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for setting in settings.REGISTRY:
        assert f"| `{setting.name}` | {setting.default:,} {setting.unit} |" in page, setting.name
    for refusal in REFUSALS:
        wire = str(refusal.wire_code) if refusal.wire_code else "-"
        assert f"| `{refusal.code}` | {refusal.http_status} | {wire} |" in page, refusal.code
    for verdict in Verdict:
        assert f"`{verdict.name.lower()}`" in page, verdict
