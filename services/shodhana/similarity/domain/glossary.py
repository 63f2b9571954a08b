"""The glossary that the project ships, taken over at start."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .importers import LexiconFormat, Provenance, parse
from .lexicon import Entry, LexiconStore, NewVersion

SOURCE = "glossary/"
LICENSE = "Apache-2.0"


async def take_over_glossary(folder: Path, store: LexiconStore) -> None:
    """Makes and activates a version of the files where their content is new; entries of other sources stay.

    Raises ImportBroken for a file that cannot be read.
    """
    files = sorted(folder.glob("*.tsv"))
    contents = [(path.name, path.read_bytes()) for path in files]
    digest = hashlib.blake2b(repr(contents).encode(), digest_size=8).hexdigest()
    origin = f"{SOURCE}{digest}"
    if not contents or await store.latest_origin() == origin:
        return
    entries: list[Entry] = []
    for name, content in contents:
        provenance = Provenance(f"{SOURCE}{name}", LICENSE)
        entries.extend(parse(content, LexiconFormat.TSV, provenance).entries)
    await store.create_version(
        NewVersion(
            entries=tuple(entries),
            replaces_source_prefix=SOURCE,
            description=f"glossary as shipped ({digest})",
            creator="glossary",
            origin=origin,
        )
    )
