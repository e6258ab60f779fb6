"""The front end and the offline map: installed and built when their sources changed, left alone otherwise."""

from pathlib import Path

from project.up.npm import find_node
from project.up.paths import LOGS, PYTHON, ROOT, STAMPS, WEB
from project.up.stamps import fingerprint, is_current, mark
from project.up.steps import run_step

__all__ = ["ensure_basemap", "ensure_npm_packages", "ensure_web_build"]

BUILT = ROOT / "dispatch" / "console" / "static" / "console"
BASEMAP = ROOT / "dispatch" / "console" / "static" / "basemap"
BASEMAP_BUILDER = ROOT / "tools" / "basemap"
GENERATED = {"node_modules", "dist", "coverage"}


def ensure_npm_packages() -> None:
    """Install what the lock of `web/` says.

    Raises:
        StepFailedError: npm failed.
        ServiceMissingError: there is no Node.
    """
    wanted = fingerprint([WEB / "package.json", WEB / "package-lock.json"], extra=str(WEB))
    stamp = STAMPS / "npm"
    if (WEB / "node_modules").is_dir() and is_current(stamp, wanted):
        return
    node = find_node()
    run_step(
        "Installing the front end's packages (npm ci)",
        [*node.npm, "ci", "--no-audit", "--no-fund"],
        log=LOGS / "npm.log",
        directory=WEB,
        environment={"PATH": node.path},
    )
    mark(stamp, wanted)


def ensure_web_build() -> None:
    """Build the console into Django's static files.

    Raises:
        StepFailedError: the build failed.
        ServiceMissingError: there is no Node.
    """
    wanted = fingerprint(web_sources())
    stamp = STAMPS / "web"
    if BUILT.is_dir() and is_current(stamp, wanted):
        return
    node = find_node()
    run_step(
        "Building the console",
        [*node.npm, "run", "build"],
        log=LOGS / "web.log",
        directory=WEB,
        environment={"PATH": node.path},
    )
    mark(stamp, wanted)


def web_sources() -> list[Path]:
    """Return everything in `web/` that a build depends on."""
    return [path for path in sorted(WEB.iterdir()) if path.name not in GENERATED]


def ensure_basemap() -> None:
    """Build the offline map's archives and the street graph.

    Raises:
        StepFailedError: the builder failed.
    """
    wanted = fingerprint([*sorted(BASEMAP_BUILDER.glob("*.py")), ROOT / "requirements" / "basemap.txt"])
    stamp = STAMPS / "basemap"
    there = list(BASEMAP.glob("*.pmtiles")) and (ROOT / ".run" / "basemap").is_dir()
    if there and is_current(stamp, wanted):
        return
    run_step("Building the offline map", [PYTHON, "-m", "tools.basemap"], log=LOGS / "basemap.log", directory=ROOT)
    mark(stamp, wanted)
