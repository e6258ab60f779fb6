from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.checks import CheckMessage
from django.test import override_settings

from vola.django import Channel, anyone
from vola.django.channels import registry
from vola.django.checks import check_all
from vola.django.methods import methods, rpc
from vola.django.settings import EXECUTOR_THREADS, REGISTRY

ASGI = "vola.django.asgi.Dispatcher"


@pytest.fixture(autouse=True)
def _nothing_registered() -> Iterator[None]:
    with registry.only(), methods.empty(), override_settings(ASGI_APPLICATION=ASGI):
        yield


def check(**vola: Any) -> list[CheckMessage]:
    with override_settings(VOLA=vola):
        return check_all()


def only(messages: list[CheckMessage]) -> CheckMessage:
    assert len(messages) == 1, messages
    assert messages[0].hint
    return messages[0]


def test_the_defaults_have_no_problem() -> None:
    assert check() == []


def test_an_unknown_setting_suggests_the_nearest() -> None:
    message = only(check(ALLOWED_ORIGIN=[]))
    assert message.id == "vola.E001"
    assert message.hint == "Did you mean 'ALLOWED_ORIGINS'?"


def test_an_unknown_setting_like_none_lists_all() -> None:
    message = only(check(ZZZ=1))
    assert "EXECUTOR_THREADS" in str(message.hint)


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("EXECUTOR_THREADS", 0, "is 0; it must be between 1 and 256 threads"),
        ("EXECUTOR_THREADS", "8", "must be an integer, not str"),
        ("EXECUTOR_THREADS", True, "must be an integer, not bool"),
        ("EXECUTOR_THREADS", 1.5, "must be an integer, not float"),
        ("EXECUTOR_TIMEOUT_S", -1, "must be between 0.01 and 300 s"),
        ("ALLOW_ANONYMOUS", 1, "must be bool, not int"),
        ("ALLOWED_ORIGINS", "https://a.example", "must be a list of strings, not str"),
        ("ALLOWED_ORIGINS", [1], "must be a list of strings"),
        ("HTTP_ROUTES", [], "must be a dict of strings"),
        ("HTTP_ROUTES", {"/a/": 1}, "must be a dict of strings"),
    ],
)
def test_a_value_of_a_wrong_type_or_out_of_range_is_an_error(setting: str, value: object, problem: str) -> None:
    message = only(check(**{setting: value}))
    assert message.id == "vola.E002"
    assert problem in message.msg


def test_settings_that_are_no_dict_are_one_error() -> None:
    with override_settings(VOLA=["ALLOWED_ORIGINS"]):
        assert only(check_all()).id == "vola.E003"


def test_a_channel_that_cannot_be_served_is_an_error_that_names_the_class() -> None:
    class Wrong(Channel):
        pattern = "a:{x:float}"

    registry.register(Wrong)
    message = only(check())
    assert message.id == "vola.E004"
    assert "Wrong" in message.msg
    assert "unknown type 'float'" in message.msg


def test_conflicting_patterns_name_both_classes() -> None:
    class First(Channel):
        pattern = "a:{x:int}"

    class Second(Channel):
        pattern = "a:{y}"

    registry.register(First)
    registry.register(Second)
    message = only(check())
    assert message.id == "vola.E004"
    assert "Second" in message.msg
    assert "First" in message.msg


def test_a_method_that_cannot_be_served_is_an_error() -> None:
    rpc("a", deferred=True, permission="x.y")(lambda call: None)
    assert only(check()).id == "vola.E005"


@pytest.mark.parametrize("setting", ["AUTHENTICATORS", "SERVICES"])
@pytest.mark.parametrize("path", ["nowhere.Thing", "vola.django.auth.Nothing", "plain"])
def test_a_dotted_path_that_does_not_import_is_an_error(setting: str, path: str) -> None:
    message = only(check(**{setting: [path]}))
    assert message.id == "vola.E006"
    assert path in message.msg
    assert setting in message.msg


@pytest.mark.parametrize("prefix", ["ingest/", "/", "/connection/"])
def test_a_route_that_cannot_be_routed_is_an_error(prefix: str) -> None:
    message = only(check(HTTP_ROUTES={prefix: ASGI}))
    assert message.id == "vola.E006"
    assert repr(prefix) in message.msg


@pytest.mark.parametrize("path", [None, "plain", "no.such.module.application"])
def test_an_asgi_application_that_cannot_be_served_is_an_error(path: str | None) -> None:
    with override_settings(ASGI_APPLICATION=path):
        assert only(check()).id == "vola.E007"


def test_sessions_without_their_apps_are_an_error() -> None:
    apps = [app for app in django_settings.INSTALLED_APPS if app != "django.contrib.sessions"]
    with override_settings(INSTALLED_APPS=apps, SESSION_ENGINE="django.contrib.sessions.backends.db"):
        message = only(check())
        assert message.id == "vola.E008"
        assert "django.contrib.sessions" in message.msg


def test_every_origin_allowed_is_a_warning() -> None:
    assert only(check(ALLOWED_ORIGINS=["*"])).id == "vola.W001"


def test_anonymous_users_who_may_publish_are_a_warning() -> None:
    class Wall(Channel):
        pattern = "wall"
        may_publish = anyone

    registry.register(Wall)
    assert check() == []
    message = only(check(ALLOW_ANONYMOUS=True))
    assert message.id == "vola.W002"
    assert "Wall" in message.msg


def test_a_time_limit_beyond_the_clients_own_is_a_warning() -> None:
    assert only(check(EXECUTOR_TIMEOUT_S=5)).id == "vola.W003"


def test_a_pong_may_not_take_longer_than_the_next_ping() -> None:
    message = only(check(PING_INTERVAL_S=5, PONG_TIMEOUT_S=5))
    assert message.id == "vola.E002"
    assert "PONG_TIMEOUT_S" in message.msg


def test_nobody_able_to_connect_is_a_warning() -> None:
    assert only(check(AUTHENTICATORS=[])).id == "vola.W004"


def test_settings_are_read_when_used() -> None:
    assert EXECUTOR_THREADS.read() == EXECUTOR_THREADS.default
    with override_settings(VOLA={"EXECUTOR_THREADS": 3}):
        assert EXECUTOR_THREADS.read() == 3


@pytest.mark.parametrize("setting", REGISTRY, ids=lambda setting: setting.name)
def test_every_default_is_legal_and_explained(setting: Any) -> None:
    assert setting.problem(setting.default) == ""
    assert len(setting.help) > 20
    assert setting.name.isupper()
