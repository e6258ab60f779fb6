"""`make wheel`: build the engine's wheel and prove that a stranger's machine can use it.

A clean virtual environment gets the wheel and its declared dependencies (at the versions of our lock) and nothing of
this tree; in it a minimal Django project serves a WebSocket and answers a connect and a subscribe.
"""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

__all__ = ["PROJECT", "PROOF", "main", "pins"]

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)

PROJECT = {
    "settings.py": """
SECRET_KEY = "of a project that lives for a second"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "site_urls"
ASGI_APPLICATION = "site_asgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "vola.django",
    "news",
]
VOLA = {"ALLOW_ANONYMOUS": True}
""",
    "site_urls.py": "urlpatterns = []\n",
    "site_asgi.py": """
from django.core.asgi import get_asgi_application

application = get_asgi_application()
""",
    "manage.py": """
import os
import sys

from django.core.management import execute_from_command_line

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
execute_from_command_line(sys.argv)
""",
    "news/__init__.py": "",
    "news/channels.py": """
from vola.django import Channel, anyone, register


@register
class News(Channel):
    pattern = "news:{topic}"
    may_subscribe = anyone
""",
}

PROOF = """
import asyncio
import json

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
from vola.testing import run_server


class Client(WSListener):
    def __init__(self):
        self.replies = asyncio.Queue()

    def on_ws_connected(self, transport: WSTransport):
        for command in ({"id": 1, "connect": {}}, {"id": 2, "subscribe": {"channel": "news:today"}}):
            transport.send(WSMsgType.TEXT, json.dumps(command).encode())

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame):
        for line in frame.get_payload_as_utf8_text().splitlines():
            self.replies.put_nowait(json.loads(line))


async def prove(url):
    transport, client = await ws_connect(Client, url)
    connected = await asyncio.wait_for(client.replies.get(), 10)
    subscribed = await asyncio.wait_for(client.replies.get(), 10)
    transport.disconnect()
    assert connected["id"] == 1 and connected["connect"]["client"], connected
    assert subscribed["id"] == 2 and "subscribe" in subscribed, subscribed


with run_server(manage="manage.py") as server:
    asyncio.run(prove(server.ws_url))
print("wheel: a clean project answered a connect and a subscribe")
"""


def pins(lock: str) -> str:
    """Return a lock's pins without hashes and markers, as pip's constraints want them."""
    return "".join(f"{name}=={version}\n" for name, version in PIN.findall(lock))


def main() -> int:
    """Build, install, prove.

    Returns:
        0, or the exit status of the step that failed.
    """
    dist = ROOT / "dist"
    for old in dist.glob("vola-*.whl"):
        old.unlink()
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)], directory=ROOT / "engine")
    (wheel,) = dist.glob("vola-*.whl")
    print(f"wheel: built {wheel.relative_to(ROOT)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="vola-wheel-") as name:
        place = Path(name)
        venv.create(place / "venv", with_pip=True)
        python = place / "venv" / "bin" / "python"
        (place / "constraints.txt").write_text(pins((ROOT / "requirements" / "runtime.txt").read_text()))
        options = ["--disable-pip-version-check", "--quiet", "--only-binary", ":all:"]
        _run([python, "-m", "pip", "install", *options, "-c", place / "constraints.txt", wheel], directory=place)
        (place / "news").mkdir()
        for path, text in {**PROJECT, "prove.py": PROOF}.items():
            (place / path).write_text(text)
        _run([python, "-I", "-W", "error", "prove.py"], directory=place)
    return 0


def _run(command: list[str | Path], *, directory: Path) -> None:
    """Run a command to its end.

    Raises:
        SystemExit: it failed, with its status.
    """
    done = subprocess.run([str(part) for part in command], check=False, cwd=directory)
    if done.returncode != 0:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
