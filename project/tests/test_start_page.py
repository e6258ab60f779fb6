"""The start page, the demo's one-click roles, and the pages of failure."""

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from pytest_django import Settings

from project.demo.loader import load_demo
from project.demo.roles import ROLES, Role
from project.views import server_error

pytestmark = pytest.mark.django_db


@pytest.fixture
def _demo(settings: Settings) -> None:
    settings.VOLA_DEMO = True
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "demo.example", "testserver"]
    load_demo()


def _page(client: Client, **extra: str) -> str:
    answer = client.get("/", HTTP_HOST="127.0.0.1:8000", **extra)  # type: ignore[arg-type]
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.usefixtures("_demo")
def test_the_start_page_offers_every_role_with_what_it_shows(client: Client) -> None:
    page = _page(client)
    for role in ROLES:
        assert f'value="{role.slug}"' in page
        assert role.title in page
        assert role.landing in page


@pytest.mark.usefixtures("_demo")
@pytest.mark.parametrize("role", ROLES, ids=[role.slug for role in ROLES])
@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_one_click_signs_in_as_the_role_and_opens_its_page(client: Client, role: Role, host: str) -> None:
    answer = client.post("/demo/sign-in/", {"role": role.slug}, HTTP_HOST=host)
    assert answer.status_code == 302
    assert answer["Location"] == role.landing
    user = User.objects.get(pk=client.session["_auth_user_id"])
    assert (user.username, user.is_staff, user.is_superuser) == (role.username, role.is_staff, role.is_superuser)


@pytest.mark.usefixtures("_demo")
def test_without_the_demo_no_role_can_be_taken_and_none_is_offered(client: Client, settings: Settings) -> None:
    settings.VOLA_DEMO = False
    for role in ROLES:
        assert client.post("/demo/sign-in/", {"role": role.slug}, HTTP_HOST="127.0.0.1").status_code == 404
    assert "_auth_user_id" not in client.session
    page = _page(client)
    assert "demo/sign-in" not in page
    assert 'name="password"' in page


@pytest.mark.usefixtures("_demo")
def test_a_request_from_another_machine_gets_no_role(client: Client) -> None:
    extra = {"HTTP_HOST": "127.0.0.1", "REMOTE_ADDR": "192.0.2.9"}
    assert client.post("/demo/sign-in/", {"role": "administrator"}, **extra).status_code == 404  # type: ignore[arg-type]
    assert "demo/sign-in" not in _page(client, REMOTE_ADDR="192.0.2.9")


@pytest.mark.usefixtures("_demo")
def test_a_foreign_name_that_points_to_this_machine_gets_no_role(client: Client) -> None:
    assert client.post("/demo/sign-in/", {"role": "administrator"}, HTTP_HOST="demo.example").status_code == 404


@pytest.mark.usefixtures("_demo")
@pytest.mark.parametrize("role", ["", "root", "admin"])
def test_an_unknown_role_is_not_found(client: Client, role: str) -> None:
    assert client.post("/demo/sign-in/", {"role": role}, HTTP_HOST="localhost").status_code == 404


@pytest.mark.usefixtures("_demo")
def test_taking_a_role_needs_a_post_with_the_forms_token() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.get("/demo/sign-in/?role=administrator", HTTP_HOST="localhost").status_code == 405
    assert strict.post("/demo/sign-in/", {"role": "administrator"}, HTTP_HOST="localhost").status_code == 403


@pytest.mark.usefixtures("_demo")
def test_a_deactivated_role_cannot_be_taken(client: Client) -> None:
    User.objects.filter(username="admin").update(is_active=False)
    assert client.post("/demo/sign-in/", {"role": "administrator"}, HTTP_HOST="localhost").status_code == 404


def test_in_production_a_stranger_finds_the_plain_sign_in_page(client: Client, settings: Settings) -> None:
    settings.VOLA_DEMO = False
    page = client.get("/").content.decode()
    assert 'name="username"' in page
    assert "demo" not in page.lower()


@pytest.mark.usefixtures("_demo")
def test_in_production_signed_in_people_find_what_they_may_open(client: Client, settings: Settings) -> None:
    settings.VOLA_DEMO = False
    client.force_login(User.objects.get(username="dispatcher"))
    page = client.get("/").content.decode()
    assert "/console/" in page
    assert "/admin/" not in page
    client.force_login(User.objects.create_user("nobody"))
    assert "Nothing is open to you yet" in client.get("/").content.decode()


@pytest.mark.usefixtures("_demo")
def test_the_fleet_manager_runs_the_fleet_but_not_the_people(client: Client) -> None:
    client.force_login(User.objects.get(username="manager"))
    assert client.get("/admin/fleet/vehicle/").status_code == 200
    assert client.get("/admin/fleet/device/").status_code == 200
    assert client.get("/admin/auth/user/").status_code == 403
    assert client.get("/admin/fleet/fleet/add/").status_code == 403


def test_the_admin_bears_the_products_name(admin_client: Client) -> None:
    page = admin_client.get("/admin/").content.decode()
    assert "Vola <span>administration</span>" in page
    assert "Django administration" not in page


def test_an_unknown_address_gets_our_page(client: Client) -> None:
    answer = client.get("/no/such/page/")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()


def test_the_page_of_a_failure_needs_neither_database_nor_cache(
    django_assert_num_queries: object, settings: Settings
) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    with django_assert_num_queries(0):  # type: ignore[operator]
        answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "Something failed on our side" in answer.content.decode()


@pytest.mark.usefixtures("_demo")
def test_pages_bear_the_strict_policy_and_hold_nothing_inline(client: Client) -> None:
    for path in ("/", "/sign-in/", "/no/such/page/"):
        answer = client.get(path, HTTP_HOST="127.0.0.1")
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "style-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        page = answer.content.decode()
        assert "style=" not in page
        assert "<style" not in page
        assert "onclick" not in page
