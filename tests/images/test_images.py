"""Each image answers its health check inside a container that may write nothing and do nothing but compute."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from shodhana.stack.places import PROJECT

from tests.images.conftest import IMAGES, SERVICES, ContainedMesh
from tests.images.containers import image, podman

pytestmark = pytest.mark.timeout(1800)  # the first test starts the whole mesh
CONTAINED = (*SERVICES, "worker", "gateway")
UID = "10001"
FORBIDDEN = ("sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "pip", "perl", "curl", "wget", "gcc", "tar")


def test_the_migrations_end_well_and_may_be_repeated(migrated: str) -> None:
    assert "5 roles can log in" in migrated


@pytest.mark.parametrize("service", CONTAINED)
def test_a_service_is_healthy_in_a_hardened_container(mesh: ContainedMesh, service: str) -> None:
    container = mesh.containers[service]
    assert container.is_healthy("/opt/envoy/healthy" if service == "gateway" else "/opt/venv/bin/healthy"), (
        container.log()
    )
    process = container.process()
    assert process["Uid"].split() == [UID] * 4
    assert {process[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapInh")} == {"0" * 16}
    assert process["NoNewPrivs"] == "1"


@pytest.mark.parametrize("service", CONTAINED)
def test_nothing_can_be_written_but_in_memory(mesh: ContainedMesh, service: str) -> None:
    python = "/usr/bin/python3.11"
    for path in ("/opt/x", "/etc/x", "/x"):
        refused = mesh.containers[service].command(python, "-c", f"open({path!r}, 'w')")
        assert "Read-only file system" in refused.stderr, refused.stderr


@pytest.mark.parametrize("service", IMAGES)
def test_an_image_holds_no_shell_and_no_package_manager(service: str) -> None:
    script = (
        "import os, stat, sys\n"
        "for folder, _, names in os.walk('/'):\n"
        "  if folder.split('/')[1:2] in (['proc'], ['sys']): continue\n"
        "  for name in names:\n"
        "    path = os.path.join(folder, name); mode = os.lstat(path).st_mode\n"
        f"    if stat.S_ISREG(mode) and mode & 0o111 and name in {FORBIDDEN!r}: print(path)\n"
        "    if mode & (stat.S_ISUID | stat.S_ISGID) and stat.S_ISREG(mode): print('setuid', path)\n"
    )
    limits = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096", "--no-healthcheck", "--network", "none")
    arguments = (
        "run",
        "--rm",
        "--read-only",
        *limits,
        "--entrypoint",
        "/usr/bin/python3.11",
        image(service),
        "-c",
        script,
    )
    assert podman(*arguments).stdout == ""


@pytest.mark.parametrize("service", IMAGES)
def test_an_image_says_which_packages_it_was_made_of(service: str) -> None:
    limits = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096", "--no-healthcheck", "--network", "none")
    script = "print(open('/opt/shodhana/packages.txt').read(), end='')"
    done = podman("run", "--rm", *limits, "--entrypoint", "/usr/bin/python3.11", image(service), "-c", script)
    assert done.stdout == (PROJECT / "requirements" / "images" / f"{service}.txt").read_text()


def test_a_lecture_is_corrected_by_the_containers(mesh: ContainedMesh) -> None:
    accounts = json.loads((mesh.secrets / "identity" / "service_accounts.json").read_text())
    admin = next(account for account in accounts if account["client_id"] == "local-admin")
    profile = mesh.secrets / "client.json"
    profile.write_text(
        json.dumps(
            {
                "gateway": "localhost:8443",
                "rest_url": "https://localhost:8443",
                "ca_certificate": str(mesh.secrets / "tls" / "ca.crt"),
                "client_id": admin["client_id"],
                "client_secret": admin["client_secret"],
            }
        )
    )
    output = mesh.secrets / "corrected"
    sample = PROJECT / "samples" / "gita_chapter_two_talk.srt"
    command = [sys.executable, "-m", "shodhana_client", "process", str(sample), "--output", str(output)]
    environment = os.environ | {
        "SHODHANA_CLIENT": str(profile),
        "SHODHANA_DIR": str(mesh.secrets),
        "SHODHANA_NO_LOGIN": "1",
    }
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    corrected = (output / f"{sample.stem}.corrected.srt").read_text()
    assert corrected != sample.read_text()
