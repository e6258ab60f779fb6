"""The settings as the environment makes them, and how production starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.hashers import get_hasher
from django.core.cache import cache
from django.db import connection

from project import checks, environment
from project.environment import EnvironmentValueError, database_from_url
from project.json_cache import JsonCacheSerializer

ROOT = Path(settings.ROOT)
PRODUCTION = {
    "VOLA_SECRET_KEY": "q8Zt4Yb1nR6vX3kW9mD2cF7hJ5sL0pGaUeTiOyNxBvCwQzKdRfHgMj",
    "VOLA_ALLOWED_HOSTS": "dispatch.example",
}


def _manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VOLA_")}
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=kept | variables,
    )


def test_production_passes_djangos_deployment_checks_without_a_warning() -> None:
    checked = _manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


def test_production_without_a_secret_key_is_told_so() -> None:
    checked = _manage("check", VOLA_ALLOWED_HOSTS="dispatch.example")
    assert checked.returncode == 1
    assert "VOLA_SECRET_KEY" in checked.stderr


def test_the_demo_cannot_be_deployed() -> None:
    checked = _manage("check", "--deploy", **PRODUCTION, VOLA_DEMO="1")
    assert "project.E001" in checked.stderr
    assert "project.E002" in checked.stderr
    assert checked.returncode == 1


def test_every_check_has_its_own_id_in_the_modules_table() -> None:
    for number in (1, 2, 3):
        assert f"project.E00{number}" in (checks.__doc__ or "")


def test_production_keeps_its_cookies_to_https_and_remembers_that() -> None:
    shown = _manage(
        "shell",
        "--no-imports",
        "-c",
        "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.SESSION_COOKIE_SECURE,"
        " s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS, s.ALLOWED_HOSTS)",
        **PRODUCTION,
    )
    assert shown.stdout.split() == ["__Host-vola_session", "True", "True", "True", "63072000", "['dispatch.example']"]


def test_passwords_are_kept_with_argon2id() -> None:
    assert get_hasher().algorithm == "argon2"
    assert "argon2id" in get_hasher().encode("secret", "saltsaltsalt")


def test_a_database_address_becomes_djangos_entry_with_limits() -> None:
    entry = database_from_url("postgresql://me:p%40ss@db.example:6432/vola?sslmode=require", statement_timeout_ms=1500)
    assert (entry["NAME"], entry["USER"], entry["PASSWORD"]) == ("vola", "me", "p@ss")
    assert (entry["HOST"], entry["PORT"]) == ("db.example", "6432")
    options = entry["OPTIONS"]
    assert isinstance(options, dict)
    assert options["sslmode"] == "require"
    assert "-c statement_timeout=1500" in options["options"]


def test_a_socket_directory_is_a_host() -> None:
    assert database_from_url("postgresql://me@/vola?host=/tmp/x", statement_timeout_ms=0)["HOST"] == "/tmp/x"


@pytest.mark.parametrize("url", ["mysql://a/b", "postgresql://host", "nonsense", ""])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(EnvironmentValueError, match="postgresql://"):
        database_from_url(url, statement_timeout_ms=0)


@pytest.mark.parametrize("value", ["yes", "true", "2"])
def test_a_switch_that_is_neither_on_nor_off_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLA_DEBUG", value)
    with pytest.raises(EnvironmentValueError, match="VOLA_DEBUG must be 0 or 1"):
        environment.flag("VOLA_DEBUG")


@pytest.mark.parametrize("value", ["-1", "3600001", "1.5", "x"])
def test_a_number_out_of_range_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLA_DATABASE_STATEMENT_TIMEOUT_MS", value)
    with pytest.raises(EnvironmentValueError, match="from 0 to 3600000"):
        environment.number("VOLA_DATABASE_STATEMENT_TIMEOUT_MS", low=0, high=3_600_000)


@pytest.mark.django_db
def test_the_database_ends_statements_that_run_too_long() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("30s",)


def test_the_cache_holds_data_and_never_a_pickle() -> None:
    serializer = JsonCacheSerializer()
    assert serializer.loads(serializer.dumps({"a": [1, "x", None]})) == {"a": [1, "x", None]}  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        serializer.dumps(object())
    cache.set("counter", 41)
    assert cache.incr("counter") == 42


def test_secrets_and_settings_are_not_in_the_repository() -> None:
    assert not (ROOT / ".env").exists()
    assert ".run/" in (ROOT / ".gitignore").read_text().split()
