"""Containers as a cluster runs them: read-only, without capabilities, as nobody in particular."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

HARDENED = (
    *("--read-only", "--cap-drop=all", "--security-opt", "no-new-privileges"),
    *("--tmpfs", "/run/shodhana:rw,noexec,nosuid,size=8m,mode=1777", "--tmpfs", "/tmp:rw,noexec,nosuid,size=64m"),
)
# What podman sets by itself may be above what this machine allows; its own health timer needs systemd.
HERE = ("--network", "host", "--no-healthcheck", "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
COMMAND_S = 300


def podman(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs podman over runc."""
    command = ["podman", "--runtime", "runc", "--log-level", "fatal", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)
    assert not check or done.returncode == 0, f"podman {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done


def image(service: str) -> str:
    return f"localhost/shodhana-{service}:dev"


def is_built(service: str) -> bool:
    return podman("image", "exists", image(service), check=False).returncode == 0


@dataclass(frozen=True, slots=True)
class Container:
    """A running container of one service."""

    name: str

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of the image inside."""
        return podman("exec", self.name, *words, check=False)

    def is_healthy(self, probe: str = "/opt/venv/bin/healthy") -> bool:
        return self.command(probe).returncode == 0

    def log(self) -> str:
        done = podman("logs", "--tail", "20", self.name, check=False)
        return done.stdout + done.stderr

    def is_running(self) -> bool:
        done = podman("container", "inspect", "--format", "{{.State.Running}}", self.name, check=False)
        return done.stdout.strip() == "true"

    def process(self) -> dict[str, str]:
        """/proc/<pid>/status of its first process, as this machine sees it."""
        found = json.loads(podman("container", "inspect", self.name).stdout)[0]
        status = Path(f"/proc/{found['State']['Pid']}/status").read_text()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in status.splitlines())}

    def remove(self) -> None:
        podman("rm", "--force", "--time", "5", self.name, check=False)


def start(name: str, service: str, options: list[str], command: tuple[str, ...] = ()) -> Container:
    podman("run", "--detach", "--name", name, *HARDENED, *HERE, *options, image(service), *command)
    return Container(name)
