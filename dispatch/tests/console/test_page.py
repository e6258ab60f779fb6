"""The console page: who may open it, what its script is told, what it says when the front end is not built."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.test.utils import override_settings

from dispatch.console import views
from dispatch.console.assets import EntryAssets, entry_assets
from dispatch.console.errors import FrontEndNotBuiltError
from dispatch.fleet import services

pytestmark = pytest.mark.django_db

MANIFEST = {
    "_shared.js": {"file": "assets/shared-1.js", "css": ["assets/shared-1.css"]},
    "src/console/main.ts": {"file": "assets/console-2.js", "css": ["assets/console-2.css"], "imports": ["_shared.js"]},
}


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EntryAssets:
    """A build, read by the view in place of the one that may or may not be in the tree."""
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(MANIFEST))
    assets = entry_assets(manifest)
    monkeypatch.setattr(views, "entry_assets", lambda: assets)
    return assets


@pytest.fixture
def dispatcher() -> User:
    """Somebody who may see one fleet."""
    fleet = services.create_fleet("Couriers")
    group = Group.objects.create(name="desk")
    fleet.groups.add(group)
    user = User.objects.create_user("ada <lovelace>")
    user.groups.add(group)
    return user


def page_config(body: str) -> dict[str, Any]:
    block = re.search(r'<script id="console-config" type="application/json">(.*?)</script>', body)
    assert block is not None
    config: dict[str, Any] = json.loads(block[1])
    return config


@pytest.mark.usefixtures("built")
def test_a_dispatcher_gets_the_page_with_its_configuration(client: Client, dispatcher: User) -> None:
    client.force_login(dispatcher)
    answer = client.get("/console/", secure=True)
    body = answer.content.decode()
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert page_config(body) == {
        "user": "ada <lovelace>",
        "apiUrl": "/api/dispatch/",
        "socketPath": "/connection/websocket",
        "basemap": {"city": "/static/basemap/helsinki.pmtiles", "world": "/static/basemap/world.pmtiles"},
        "links": {"start": "/", "admin": None},
    }
    assert "<lovelace>" not in body, "the configuration is escaped for a script element"


@pytest.mark.usefixtures("built")
def test_the_page_loads_styles_and_preloads_before_the_script_and_nothing_inline(
    client: Client, dispatcher: User
) -> None:
    client.force_login(dispatcher)
    body = client.get("/console/", secure=True).content.decode()
    order = ["theme.js", "shared-1.css", "console-2.css", "shared-1.js", "console-2.js"]
    places = [body.index(name) for name in order]
    assert places == sorted(places)
    assert "<style" not in body
    assert "style=" not in body
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", body) == []


@pytest.mark.usefixtures("built")
def test_staff_are_shown_the_way_to_the_admin(client: Client, dispatcher: User) -> None:
    dispatcher.is_staff = True
    dispatcher.save()
    client.force_login(dispatcher)
    config = page_config(client.get("/console/", secure=True).content.decode())
    assert config["links"]["admin"] == "/admin/"


@pytest.mark.usefixtures("built")
def test_somebody_without_a_fleet_is_refused_and_a_stranger_is_asked_to_sign_in(client: Client) -> None:
    stranger = client.get("/console/", secure=True)
    assert stranger.status_code == 302
    assert stranger["Location"].endswith("?next=/console/")
    client.force_login(User.objects.create_user("nobody"))
    assert client.get("/console/", secure=True).status_code == 403


@override_settings(DEBUG=False)
def test_a_missing_build_is_said_with_its_remedy(
    client: Client, dispatcher: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "entry_assets", lambda: entry_assets(tmp_path / "manifest.json"))
    client.force_login(dispatcher)
    answer = client.get("/console/", secure=True)
    assert answer.status_code == 503
    assert b"make web" in answer.content
    with pytest.raises(FrontEndNotBuiltError):
        entry_assets(tmp_path / "manifest.json")
