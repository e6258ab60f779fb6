"""docs/reference/settings.md, written from the registries, so that the page and the code cannot differ.

`manage.py write_settings_page` writes it; a test compares.
"""

from collections.abc import Iterable
from typing import Protocol

from dispatch.settings import REGISTRY as DISPATCH_SETTINGS
from project.environment import VARIABLES
from vola.django.settings import REGISTRY as VOLA_SETTINGS

__all__ = ["settings_page"]

HEAD = """# Settings

Written by `manage.py write_settings_page` from the registries in `project/environment.py`, `vola/django/settings.py`
and `dispatch/settings.py`. System checks report unknown names and illegal values when a process starts.
"""


class _Setting(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def default(self) -> object: ...
    @property
    def unit(self) -> str: ...
    @property
    def minimum(self) -> float | None: ...
    @property
    def maximum(self) -> float | None: ...
    @property
    def help(self) -> str: ...


def settings_page() -> str:
    """Return the page's text."""
    environment = [
        "## Environment variables",
        "",
        "Development, demo, tests and production run the same `project/settings.py`; these make the difference.",
        "",
        "| name | default | legal | meaning |",
        "|---|---|---|---|",
        *(f"| `{it.name}` | {_code(it.default)} | {it.legal} | {it.help} |" for it in VARIABLES),
        "",
        "`make up` also reads `VOLA_PORT` (8000); the finder of Python reads `VOLA_PYTHON`; browser tests read",
        "`VOLA_CHROMIUM` and, with `VOLA_PICTURES=1`, renew the pictures of the documentation.",
        "",
    ]
    parts = [
        HEAD,
        *environment,
        *_dict_table("VOLA", "The engine in Django", VOLA_SETTINGS),
        *_dict_table("DISPATCH", "Dispatch", DISPATCH_SETTINGS),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _dict_table(name: str, title: str, settings: Iterable[_Setting]) -> list[str]:
    rows = [
        f"| `{it.name}` | {_code(it.default)} | {_range(it)} | {it.unit or '-'} | {_cell(it.help)} |" for it in settings
    ]
    return [
        f"## {title}: the dict `{name}`",
        "",
        "| name | default | legal | unit | meaning |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]


def _range(setting: _Setting) -> str:
    if setting.minimum is None and setting.maximum is None:
        return "-"
    return f"{_number(setting.minimum)} to {_number(setting.maximum)}"


def _number(value: float | None) -> str:
    if value is None:
        return "any"
    return f"{int(value):,}".replace(",", " ") if value == int(value) else str(value)


def _code(value: object) -> str:
    shown = value if isinstance(value, str) else repr(value)
    return f"`{_cell(shown)}`" if shown else "-"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
