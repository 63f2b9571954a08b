"""No secret is committed: a look at every file for what keys and tokens look like."""

from __future__ import annotations

import re
import subprocess

import pytest
from shodhana.stack.places import PROJECT

KINDS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s*[A-Za-z0-9+/=]{20}",
    "age key": r"AGE-SECRET-KEY-1[0-9A-Z]{50}",
    "access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "token of a forge": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60}|glpat-[\w-]{20})",
    "token of an index": r"\bpypi-[A-Za-z0-9_-]{60}",
    "signed token": r"\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{40,}",
    "private JWK": r'"d"\s*:\s*"[\w-]{40,}"',
    "password in an address": r"\b(?:postgres(?:ql)?|redis|amqp)://[\w.-]*:[A-Za-z0-9_-]{20,}@",
}
SECRET = re.compile("|".join(f"(?P<k{number}>{pattern})" for number, pattern in enumerate(KINDS.values())))


def secrets_in(text: str) -> list[str]:
    """What kinds of secret a text holds."""
    return [list(KINDS)[int(str(found.lastgroup)[1:])] for found in SECRET.finditer(text)]


def test_no_file_of_the_project_holds_a_secret() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    paths = [PROJECT / name for name in listed.split("\0") if name]
    assert len(paths) > 500
    found = {path: secrets_in(path.read_text(errors="ignore")) for path in paths if path.is_file()}
    assert {str(path): kinds for path, kinds in found.items() if kinds} == {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-----BEGIN " + "PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG", "private key"),
        ("AGE-SECRET-KEY-1" + "Q" * 58, "age key"),
        ("AKIA" + "Q" * 16, "access key"),
        ("ghp_" + "a" * 36, "token of a forge"),
        ("eyJ" + "a" * 30 + ".eyJ" + "b" * 30 + "." + "c" * 43, "signed token"),
        ('"d": "' + "a" * 43 + '"', "private JWK"),
        ("postgresql://shodhana:" + "a" * 32 + "@host/shodhana", "password in an address"),
    ],
)
def test_a_secret_is_known_when_it_is_seen(text: str, kind: str) -> None:
    assert secrets_in(f"x = '{text}'") == [kind]
