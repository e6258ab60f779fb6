"""Signing in with a password: one page for all, throttled, telling strangers nothing."""

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client, RequestFactory
from pytest_django import Settings

from project.signin.throttle import BOUNDS, client_address, count_attempt, forget_attempts

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _fresh_counters() -> None:
    cache.clear()


@pytest.fixture
def person() -> User:
    return User.objects.create_user("anna", password=PASSWORD, is_staff=True)


def _try(client: Client, password: str, *, username: str = "anna", address: str = "192.0.2.1") -> int:
    data = {"username": username, "password": password}
    return client.post("/sign-in/", data, REMOTE_ADDR=address).status_code


def test_the_right_password_signs_in_and_returns_to_where_one_wanted_to_go(client: Client, person: User) -> None:
    answer = client.post("/sign-in/", {"username": "anna", "password": PASSWORD, "next": "/admin/"})
    assert answer.status_code == 302
    assert answer["Location"] == "/admin/"
    assert client.session["_auth_user_id"] == str(person.pk)


def test_a_foreign_address_to_return_to_is_ignored(client: Client, person: User) -> None:
    answer = client.post("/sign-in/", {"username": "anna", "password": PASSWORD, "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_wrong_name_wrong_password_and_closed_account_get_the_same_answer(client: Client, person: User) -> None:
    User.objects.create_user("closed", password=PASSWORD, is_active=False)
    tries = (("anna", "wrong"), ("nobody", "wrong"), ("closed", PASSWORD))
    pages = {
        client.post("/sign-in/", {"username": name, "password": password})
        .content.decode()
        .partition('role="alert"')[2]
        .partition("</div>")[0]
        for name, password in tries
    }
    assert len(pages) == 1
    assert "The name or the password is not right" in pages.pop()


def test_after_five_wrong_guesses_even_the_right_password_must_wait(client: Client, person: User) -> None:
    assert [_try(client, "wrong") for _ in range(5)] == [200] * 5
    assert _try(client, PASSWORD) == 429
    answer = client.post("/sign-in/", {"username": "anna", "password": PASSWORD}, REMOTE_ADDR="192.0.2.1")
    assert "Wait 15 minutes" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_the_owner_at_another_address_is_not_locked_out_by_a_guesser(client: Client, person: User) -> None:
    for _ in range(20):
        _try(client, "wrong")
    assert _try(client, PASSWORD, address="198.51.100.7") == 302


def test_one_address_cannot_walk_through_many_accounts(client: Client, person: User) -> None:
    bound = next(bound for bound in BOUNDS if bound.name == "address")
    for number in range(bound.attempts_max):
        assert count_attempt(f"user-{number}", address="192.0.2.1")
    assert _try(client, PASSWORD) == 429


def test_many_addresses_cannot_share_the_guessing_of_one_account(person: User) -> None:
    bound = next(bound for bound in BOUNDS if bound.name == "account")
    answers = [count_attempt("anna", address=f"2001:db8::{number}") for number in range(bound.attempts_max + 1)]
    assert answers == [True] * bound.attempts_max + [False]


def test_the_right_password_forgets_the_mistyped_ones(client: Client, person: User) -> None:
    for _ in range(4):
        _try(client, "wrong")
    assert _try(client, PASSWORD) == 302
    assert [_try(client, "wrong") for _ in range(4)] == [200] * 4
    forget_attempts("anna", address="192.0.2.1")


def test_an_overlong_password_is_refused_without_hashing_it(client: Client, person: User) -> None:
    assert _try(client, "x" * 100_000) == 200


def test_the_admin_has_no_sign_in_page_of_its_own(client: Client, person: User) -> None:
    answer = client.get("/admin/login/?next=/admin/auth/")
    assert answer.status_code == 302
    assert answer["Location"] == "/sign-in/?next=/admin/auth/"


def test_somebody_without_the_right_to_administer_is_refused_and_not_asked_to_sign_in_again(client: Client) -> None:
    client.force_login(User.objects.create_user("plain"))
    answer = client.get("/admin/", follow=True)
    assert answer.status_code == 403
    assert "signed in as <strong>plain</strong>" in answer.content.decode()


def test_signing_out_needs_a_form_and_ends_the_session(client: Client, person: User) -> None:
    client.force_login(person)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_signing_in_needs_the_forms_token(person: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/sign-in/", {"username": "anna", "password": PASSWORD})
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()


def test_signing_in_changes_the_session_key(client: Client, person: User) -> None:
    client.session["kept"] = 1
    session = client.session
    session["kept"] = 1
    session.save()
    before = client.session.session_key
    _try(client, PASSWORD)
    assert client.session.session_key != before


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(settings: Settings) -> None:
    request = RequestFactory().get(
        "/", REMOTE_ADDR="10.0.0.1", headers={"x-forwarded-for": "203.0.113.9, 198.51.100.1"}
    )
    settings.SECURE_PROXY_SSL_HEADER = None
    assert client_address(request) == "10.0.0.1"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert client_address(request) == "198.51.100.1"
    assert client_address(None) == ""
