"""The tool answers --help at once, and the base install is the client alone."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from shodhana.stack.places import PROJECT

TOOL = Path(sys.executable).parent / "shodhana"
MOST_STARTS = 10
"""Of a bare interpreter: 16 ms of processor time where this was measured, so 128 ms; gRPC alone takes 15 more."""
HEAVY = ("grpc", "google", "pydantic", "rich", "textual", "asyncio", "shodhana.api", "yaml", "psutil", "cryptography")
SHOW = """
import json, sys
from shodhana_client.application import main
sys.argv = ["shodhana", *{words!r}]
try:
    main()
except SystemExit as end:
    print(json.dumps([end.code, sorted(sys.modules)]), file=sys.stderr)
"""
BASE = {"click", "grpcio", "protobuf", "googleapis-common-protos"}
BASE_MODULES = ("click", "grpc", "google", "typing_extensions", "buf", "shodhana", "shodhana_client")
ALONE = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

class BaseInstall(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        first = name.partition(".")[0]
        is_there = first in {modules!r} or first in sys.stdlib_module_names
        return super().find_spec(name, path, target) if is_there else None

sys.meta_path[:] = [BuiltinImporter, FrozenImporter, BaseInstall]
"""
IMPORT_ALL = """
import pkgutil, shodhana_client
for module in pkgutil.walk_packages(shodhana_client.__path__, "shodhana_client."):
    if not module.name.startswith("shodhana_client.screen."):  # what the extra `tool` is for
        __import__(module.name)
print("imported")
"""


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["process", "--help"],
        ["lexicon", "import", "--help"],
        ["review", "--help"],
        ["rpc", "--help"],
        ["rpc", "review", "decide-case", "--help"],
        ["up", "--help"],
        ["status", "--help"],
    ],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    code, modules = json.loads(run_python(SHOW.format(words=words)).stderr)
    assert code == 0
    assert [name for name in modules if name.startswith(HEAVY)] == []


@pytest.mark.parametrize("words", [["--help"], ["process", "--help"], ["rpc", "review", "--help"], ["up", "--help"]])
def test_help_takes_no_longer_than_an_eye_blinks(words: list[str]) -> None:
    bare = min(cpu_s(sys.executable, "-c", "") for _ in range(5))
    assert min(cpu_s(str(TOOL), *words) for _ in range(5)) <= MOST_STARTS * bare


def cpu_s(*command: str) -> float:
    """Processor time of a command: wall time is whatever else the machine does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_base_install_asks_for_these_packages_only() -> None:
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {text.partition(">")[0] for text in wanted} == BASE


def test_a_users_type_checker_sees_the_types() -> None:
    for package in ("shodhana_client", "shodhana"):
        assert files(package).joinpath("py.typed").is_file()


def test_the_client_works_with_the_base_install_alone() -> None:
    assert run_python(ALONE.format(modules=BASE_MODULES) + IMPORT_ALL).stdout == "imported\n"


def test_without_the_mesh_installed_its_commands_are_not_offered() -> None:
    shown = run_python(ALONE.format(modules=BASE_MODULES) + SHOW.format(words=["--help"])).stdout
    assert "  process " in shown
    assert "  up " not in shown


def run_python(script: str) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran
