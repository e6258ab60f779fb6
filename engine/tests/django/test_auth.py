import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test import Client, override_settings

from engine.tests.django.conftest import Answer as Callback
from vola.core.ports import ConnectAttempt, Principal
from vola.django import running
from vola.django.auth import Answer, AuthenticatorChain, SessionAuthenticator, build_chain
from vola.django.executor import DjangoExecutor
from vola.django.origin import origin_allowed
from vola.errors import DISCONNECT_BAD_REQUEST, DISCONNECT_INVALID_TOKEN, DISCONNECT_PERMISSION_DENIED, ERROR_INTERNAL

SESSION_ONLY = {"AUTHENTICATORS": ["vola.django.auth.SessionAuthenticator"]}


@pytest.fixture
async def node_runs(executor: DjangoExecutor) -> AsyncIterator[None]:
    runs = running.Running(
        node=None,  # type: ignore[arg-type]
        executor=executor,
        publish=lambda *_: None,
        loop=asyncio.get_running_loop(),
    )
    running.set_running(runs)
    yield
    running.set_running(None)


def _session_cookie(user: Any) -> str:
    client = Client()
    client.force_login(user, backend=django_settings.AUTHENTICATION_BACKENDS[0])
    return f"{django_settings.SESSION_COOKIE_NAME}={client.session.session_key}"


@pytest.fixture
async def signed_in(user_with: Callable[..., Any]) -> Callable[..., Any]:
    """Creates a signed-in user in a thread; answers (user, cookie header)."""

    def create(**fields: Any) -> tuple[Any, str]:
        try:
            user = user_with(**fields)
            return user, _session_cookie(user)
        finally:
            connections.close_all()

    async def run(**fields: Any) -> tuple[Any, str]:
        return await asyncio.to_thread(create, **fields)

    return run


async def authenticate(request: ConnectAttempt) -> Any:
    answer: Callback[Any] = Callback()
    with override_settings(VOLA=SESSION_ONLY, ALLOWED_HOSTS=["testserver"]):
        chain = build_chain()
    chain.authenticate(request, answer)
    return await answer.value()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("node_runs")
class TestSessions:
    async def test_a_session_cookie_is_the_user(
        self, signed_in: Callable[..., Any], attempt: Callable[..., ConnectAttempt]
    ) -> None:
        user, cookie = await signed_in(first_name="Ada", last_name="Lovelace")
        principal = await authenticate(attempt(cookie=cookie, host="testserver", origin="http://testserver"))
        assert isinstance(principal, Principal)
        assert principal.user_id == str(user.pk)
        assert principal.subject == user
        assert principal.info is not None
        assert msgspec.json.decode(principal.info) == {"id": str(user.pk), "name": "Ada Lovelace"}
        assert principal.expires_at_ms is not None

    async def test_a_client_that_is_no_browser_sends_no_origin_and_is_served(
        self, signed_in: Callable[..., Any], attempt: Callable[..., ConnectAttempt]
    ) -> None:
        _user, cookie = await signed_in()
        assert isinstance(await authenticate(attempt(cookie=cookie, host="testserver")), Principal)

    async def test_another_sites_page_cannot_use_the_users_cookie(
        self, signed_in: Callable[..., Any], attempt: Callable[..., ConnectAttempt]
    ) -> None:
        _user, cookie = await signed_in()
        request = attempt(cookie=cookie, host="testserver", origin="https://evil.example")
        assert await authenticate(request) is DISCONNECT_PERMISSION_DENIED

    async def test_an_inactive_user_is_refused(
        self, signed_in: Callable[..., Any], attempt: Callable[..., ConnectAttempt]
    ) -> None:
        user, cookie = await signed_in()
        await asyncio.to_thread(_deactivate, user)
        assert await authenticate(attempt(cookie=cookie, host="testserver")) is DISCONNECT_BAD_REQUEST

    async def test_an_inactive_user_of_a_backend_that_hands_them_out_is_refused_too(
        self, signed_in: Callable[..., Any], attempt: Callable[..., ConnectAttempt]
    ) -> None:
        backends = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
        with override_settings(AUTHENTICATION_BACKENDS=backends):
            user, cookie = await signed_in()
            await asyncio.to_thread(_deactivate, user)
            assert await authenticate(attempt(cookie=cookie, host="testserver")) is DISCONNECT_PERMISSION_DENIED

    @pytest.mark.parametrize("cookie", ["", "sessionid=", "sessionid=nosuchsession", "other=1", "sessionid=%00\x01"])
    async def test_nobody_signed_in_is_refused(self, cookie: str, attempt: Callable[..., ConnectAttempt]) -> None:
        assert await authenticate(attempt(cookie=cookie, host="testserver")) is DISCONNECT_BAD_REQUEST

    async def test_a_changed_password_ends_the_session_without_touching_what_is_stored(
        self, signed_in: Callable[..., Any], attempt: Callable[..., ConnectAttempt]
    ) -> None:
        user, cookie = await signed_in()
        await asyncio.to_thread(_change_password, user)
        assert await authenticate(attempt(cookie=cookie, host="testserver")) is DISCONNECT_BAD_REQUEST
        assert await asyncio.to_thread(_session_exists, cookie)

    async def test_a_rotated_secret_key_keeps_the_session_and_its_key(
        self, signed_in: Callable[..., Any], attempt: Callable[..., ConnectAttempt]
    ) -> None:
        """django.contrib.auth.get_user() gives such a session a new key, which an open socket cannot tell the
        browser."""
        _user, cookie = await signed_in()
        with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[django_settings.SECRET_KEY]):
            assert isinstance(await authenticate(attempt(cookie=cookie, host="testserver")), Principal)
        assert await asyncio.to_thread(_session_exists, cookie)


def _deactivate(user: Any) -> None:
    user.is_active = False
    user.save()
    connections.close_all()


def _change_password(user: Any) -> None:
    user.set_password("another password")
    user.save()
    connections.close_all()


def _session_exists(cookie: str) -> bool:
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415  needs Django to be set up

    try:
        return SessionStore().exists(cookie.split("=")[1])
    finally:
        connections.close_all()


@pytest.mark.parametrize(
    ("origin", "host", "allowed_origins", "expected"),
    [
        (None, "testserver", [], True),
        ("http://testserver", "testserver", [], True),
        ("https://testserver", "testserver", [], True),
        ("http://TestServer", "testserver", [], True),
        ("http://testserver:80", "testserver", [], True),
        ("https://testserver", "testserver:443", [], True),
        ("http://testserver:8000", "testserver:8000", [], True),
        ("http://testserver:8001", "testserver:8000", [], False),
        ("http://testserver", "testserver:8000", [], False),
        ("https://evil.example", "testserver", [], False),
        ("https://testserver.evil.example", "testserver", [], False),
        ("null", "testserver", [], False),
        ("testserver", "testserver", [], False),
        ("file://", "testserver", [], False),
        ("ftp://testserver", "testserver", [], False),
        ("http://[", "testserver", [], False),
        # DNS rebinding: Origin and Host agree, but it is no host of ours.
        ("http://evil.example", "evil.example", [], False),
        ("http://evil.example", "", [], False),
        ("https://app.example.com", "testserver", ["https://app.example.com"], True),
        ("https://app.example.com", "testserver", ["https://APP.example.com"], True),
        ("http://app.example.com", "testserver", ["https://app.example.com"], False),
        ("https://app.example.com:8443", "testserver", ["https://app.example.com"], False),
        ("https://a.example.com", "testserver", ["https://*.example.com"], True),
        ("https://a.b.example.com", "testserver", ["https://*.example.com"], True),
        ("https://example.com", "testserver", ["https://*.example.com"], False),
        ("https://evil.com/.example.com", "testserver", ["https://*.example.com"], False),
        ("https://evilexample.com", "testserver", ["https://*.example.com"], False),
        ("https://anything.example", "testserver", ["*"], True),
        ("null", "testserver", ["null"], True),
    ],
)
@override_settings(ALLOWED_HOSTS=["testserver"], DEBUG=False)
def test_the_table_of_origins(origin: str | None, host: str, allowed_origins: list[str], expected: bool) -> None:
    headers = {"host": host} | ({"origin": origin} if origin is not None else {})
    assert origin_allowed(headers, allowed_origins=allowed_origins) is expected


class Device:
    """Knows one device by its connect data, declines everybody else."""

    def authenticate(self, request: ConnectAttempt, done: Callable[[Answer], None]) -> None:
        match request.data:
            case b'{"device":1}':
                done(Principal("device:1", subject="device"))
            case b'{"device":2}':
                done(DISCONNECT_INVALID_TOKEN)
            case b'{"device":3}':
                raise ValueError("a secret")
            case _:
                done(None)


async def ask(chain: AuthenticatorChain, request: ConnectAttempt) -> Any:
    answer: Callback[Any] = Callback()
    chain.authenticate(request, answer)
    return await answer.value()


async def test_the_first_authenticator_that_answers_decides(attempt: Callable[..., ConnectAttempt]) -> None:
    chain = AuthenticatorChain([SessionAuthenticator(), Device()])
    assert (await ask(chain, attempt(b'{"device":1}'))).user_id == "device:1"
    assert await ask(chain, attempt(b'{"device":2}')) is DISCONNECT_INVALID_TOKEN
    assert await ask(chain, attempt()) is DISCONNECT_BAD_REQUEST


async def test_a_failing_authenticator_is_an_internal_error(
    attempt: Callable[..., ConnectAttempt], caplog: pytest.LogCaptureFixture
) -> None:
    assert await ask(AuthenticatorChain([Device()]), attempt(b'{"device":3}')) is ERROR_INTERNAL
    assert "a secret" in caplog.text


@override_settings(VOLA={"ALLOW_ANONYMOUS": True}, ALLOWED_HOSTS=["testserver"])
async def test_anonymous_clients_are_served_when_allowed_but_not_from_foreign_pages(
    attempt: Callable[..., ConnectAttempt],
) -> None:
    chain = AuthenticatorChain([Device()])
    principal = await ask(chain, attempt(host="testserver", origin="http://testserver"))
    assert principal.user_id == ""
    assert principal.subject.is_anonymous
    foreign = attempt(host="testserver", origin="https://evil.example")
    assert await ask(chain, foreign) is DISCONNECT_PERMISSION_DENIED
