"""The front end and the offline map: installed and built when their sources changed, left alone otherwise."""

from pathlib import Path

from project.up.npm import find_node
from project.up.paths import LOGS, PYTHON, ROOT, STAMPS, WEB
from project.up.stamps import fingerprint, is_current, mark
from project.up.steps import run_step

__all__ = ["CLIENTS", "ensure_basemap", "ensure_npm_packages", "ensure_web_build"]

BUILT = ROOT / "dispatch" / "console" / "static" / "console"
BASEMAP = ROOT / "dispatch" / "console" / "static" / "basemap"
BASEMAP_BUILDER = ROOT / "tools" / "basemap"
CLIENTS = ROOT / "tests" / "contract" / "js"
GENERATED = {"node_modules", "dist", "coverage"}


def ensure_npm_packages(directory: Path = WEB) -> None:
    """Install what the lock of a folder with a `package.json` says.

    Args:
        directory: `web/`, or the folder of the contract tests' JavaScript client.

    Raises:
        StepFailedError: npm failed.
        ServiceMissingError: there is no Node.
    """
    wanted = fingerprint([directory / "package.json", directory / "package-lock.json"], extra=str(directory))
    name = "-".join(directory.relative_to(ROOT).parts)
    stamp = STAMPS / f"npm-{name}"
    if (directory / "node_modules").is_dir() and is_current(stamp, wanted):
        return
    node = find_node()
    run_step(
        f"Installing the packages of {directory.relative_to(ROOT)} (npm ci)",
        [*node.npm, "ci", "--no-audit", "--no-fund"],
        log=LOGS / f"npm-{name}.log",
        directory=directory,
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
