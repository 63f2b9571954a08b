"""The glossary that the project ships, taken over at start."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from .importers import LexiconFormat, Provenance, parse
from .lexicon import Entry, LexiconStore, NewVersion

SOURCE = "glossary/"
LICENSE = "Apache-2.0"


async def take_over_glossary(folder: Path, store: LexiconStore) -> None:
    """Makes and activates a version of the files where their entries are new, or the forms they are found by.

    Entries of other sources stay. Raises ImportBroken for a file that cannot be read.
    """
    entries, digest = await asyncio.to_thread(_read, folder)
    origin = f"{SOURCE}{digest}"
    if not entries or await store.latest_origin() == origin:
        return
    await store.create_version(
        NewVersion(
            entries=entries,
            replaces_source_prefix=SOURCE,
            description=f"glossary as shipped ({digest})",
            creator="glossary",
            origin=origin,
        )
    )


def _read(folder: Path) -> tuple[tuple[Entry, ...], str]:
    entries: list[Entry] = []
    for path in sorted(folder.glob("*.tsv")):
        provenance = Provenance(f"{SOURCE}{path.name}", LICENSE)
        entries.extend(parse(path.read_bytes(), LexiconFormat.TSV, provenance).entries)
    digest = hashlib.blake2b(digest_size=8)
    for entry in entries:
        digest.update(entry.content_hash + "\0".join(entry.forms).encode())
    return tuple(entries), digest.hexdigest()
