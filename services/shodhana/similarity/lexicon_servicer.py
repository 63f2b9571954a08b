"""Translates between the lexicon contract and the store."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from shodhana.api.similarity.v1 import lexicon_pb2 as pb
from shodhana.api.similarity.v1 import lexicon_pb2_grpc as grpc_api
from shodhana.runtime import auth
from shodhana.runtime.pages import decode_page_token, encode_page_token
from shodhana.text.fold import popular_fold
from shodhana.text.normalize import nfc

from .domain.amendment import Amendment, Amendments, Change, Effect
from .domain.importers import LexiconFormat, Parsed, Provenance, parse
from .domain.lexicon import Entry, EntryQuery, LexiconEmpty, LexiconStore, NewVersion, Version, diff
from .domain.library import Library
from .translation import entry_message, number_in, version_id_of, version_message

FORMATS = {
    pb.LEXICON_FORMAT_TSV: LexiconFormat.TSV,
    pb.LEXICON_FORMAT_JSON_LINES: LexiconFormat.JSON_LINES,
    pb.LEXICON_FORMAT_CDSL: LexiconFormat.CDSL,
    pb.LEXICON_FORMAT_ANKI_JSON: LexiconFormat.ANKI_JSON,
    pb.LEXICON_FORMAT_VERSES_JSON: LexiconFormat.VERSES_JSON,
    pb.LEXICON_FORMAT_TEI: LexiconFormat.TEI,
    pb.LEXICON_FORMAT_VERSES_TSV: LexiconFormat.VERSES_TSV,
}
EFFECTS = {effect: getattr(pb, f"CHANGE_EFFECT_{effect.name}") for effect in Effect}
DEFAULT_VERSIONS, DEFAULT_ENTRIES = 20, 100
CHUNK_BYTES = 64 * 1024
PATIENCE_S = 2.0  # for the vectors of a new version; those of a large import follow in the background
COLUMNS = ("lemma", "domain", "field", "pos", "gloss", "aliases", "note", "anglicised", "source", "license")

_NUMBER = re.compile("[0-9]{1,18}")
_NO_SPELLING = re.compile(r"([^\W\d_])\1\1", re.IGNORECASE)  # its fold drops doubled letters: "zzzz" would list j…


@dataclass(frozen=True, slots=True)
class LexiconServicer(grpc_api.LexiconServiceServicer):
    """Versions and entries."""

    store: LexiconStore
    library: Library
    amendments: Amendments

    async def ImportLexicon(self, request: pb.ImportLexiconRequest, context: Any) -> pb.ImportLexiconResponse:
        provenance = Provenance(
            request.source, request.license, request.default_domain or "general", request.text_abbreviation
        )
        parsed = await asyncio.to_thread(parse, request.content, FORMATS.get(request.format), provenance)
        if request.validate_only:
            return _imported(parsed)
        new = NewVersion(
            entries=parsed.entries,
            verses=parsed.verses,
            merge=request.mode != pb.IMPORT_MODE_REPLACE,
            description=request.description or f"import of {request.source or 'a file'}",
            creator=auth.principal().subject,
            activate=not request.leave_inactive,
            request_id=request.request_id or None,
        )
        made = await self.store.create_version(new)
        await self.library.refresh(PATIENCE_S)
        response = _imported(parsed)
        response.version.CopyFrom(version_message(made.version))
        response.replaced_count = made.replaced_count
        return response

    async def ExportLexicon(
        self, request: pb.ExportLexiconRequest, context: Any
    ) -> AsyncIterator[pb.ExportLexiconResponse]:
        version = await self._version(request.name)
        entries = await self.store.entries(version.version_id)
        as_json = request.format == pb.LEXICON_FORMAT_JSON_LINES
        data = (await asyncio.to_thread(_json_lines if as_json else _tsv, entries)).encode()
        for start in range(0, len(data), CHUNK_BYTES):
            yield pb.ExportLexiconResponse(chunk=data[start : start + CHUNK_BYTES])
        done = pb.ExportDone(entry_count=len(entries), content_hash=version.content_hash)
        yield pb.ExportLexiconResponse(done=done)

    async def GetLexiconVersion(self, request: pb.GetLexiconVersionRequest, context: Any) -> pb.LexiconVersion:
        return version_message(await self._version(request.name))

    async def ListLexiconVersions(
        self, request: pb.ListLexiconVersionsRequest, context: Any
    ) -> pb.ListLexiconVersionsResponse:
        size = request.page_size or DEFAULT_VERSIONS
        position = decode_page_token(request.page_token)
        before = number_in(position, "before", 0) if position else None
        found = await self.store.versions(before, size + 1)
        token = encode_page_token({"before": found[size - 1].version_id}) if len(found) > size else ""
        return pb.ListLexiconVersionsResponse(
            lexicon_versions=map(version_message, found[:size]), next_page_token=token
        )

    async def ActivateLexiconVersion(
        self, request: pb.ActivateLexiconVersionRequest, context: Any
    ) -> pb.LexiconVersion:
        version = await self.store.activate(int(request.name.rpartition("/")[2]))
        await self.library.refresh(PATIENCE_S)
        return version_message(version)

    async def AmendLexicon(self, request: pb.AmendLexiconRequest, context: Any) -> pb.AmendLexiconResponse:
        amendment = Amendment(
            changes=tuple(map(_change, request.changes)),
            decisions=tuple(request.decisions),
            description=request.description or "what experts decided",
            creator=auth.principal().subject,
            request_id=request.request_id,
        )
        made = await self.amendments.amend(amendment)
        return pb.AmendLexiconResponse(
            version=version_message(made.version),
            outcomes=[pb.ChangeOutcome(effect=EFFECTS[one.effect], rivals=one.rivals) for one in made.outcomes],
        )

    async def GetEntry(self, request: pb.GetEntryRequest, context: Any) -> pb.Entry:
        parent, _, key = request.name.partition("/entries/")
        version = await self._version(parent)
        if _NUMBER.fullmatch(key):
            entry = await self.store.entry(version.version_id, int(key))
        else:
            entry = (await self.library.loaded(version.version_id)).by_name(key)
        return entry_message(entry, version.name)

    async def ListEntries(self, request: pb.ListEntriesRequest, context: Any) -> pb.ListEntriesResponse:
        position = decode_page_token(request.page_token)
        version = await self._pinned(request.parent, position)
        size = request.page_size or DEFAULT_ENTRIES
        prefix = popular_fold(request.prefix)
        if request.prefix.strip() and (not prefix or _NO_SPELLING.search(request.prefix)):
            return pb.ListEntriesResponse(lexicon_version=version.name)
        query = EntryQuery(
            version_id=version.version_id,
            prefix=prefix,
            domain=request.domain,
            after=(str(position.get("term", "")), number_in(position, "id", 0)),
            limit=size + 1,
        )
        found = await self.store.list_entries(query)
        token = ""
        if len(found) > size:
            last = found[size - 1]
            token = encode_page_token({"version": query.version_id, "term": last.term, "id": last.entry_id})
        return pb.ListEntriesResponse(
            entries=[entry_message(entry, version.name) for entry in found[:size]],
            next_page_token=token,
            total_size=await self.store.count_entries(query),
            lexicon_version=version.name,
        )

    async def DiffLexiconVersions(
        self, request: pb.DiffLexiconVersionsRequest, context: Any
    ) -> pb.DiffLexiconVersionsResponse:
        position = decode_page_token(request.page_token)
        version = await self._pinned(request.name, position)
        base = number_in(position, "base", version_id_of(request.base) or version.supersedes or 0)
        before = (await self.store.version(base)).version_id if base else 0
        gone = await self.store.entries_only_in(before, version.version_id)
        changes = await asyncio.to_thread(diff, gone, await self.store.entries_only_in(version.version_id, before))
        start = number_in(position, "start", 0)
        end = start + (request.page_size or DEFAULT_ENTRIES)
        following = {"version": version.version_id, "base": base, "start": end}
        base_name = f"lexiconVersions/{base}"
        return pb.DiffLexiconVersionsResponse(
            changes=[
                pb.EntryChange(
                    before=entry_message(was, base_name) if was else None,
                    after=entry_message(now, version.name) if now else None,
                )
                for was, now in changes[start:end]
            ],
            next_page_token=encode_page_token(following) if end < len(changes) else "",
        )

    async def _pinned(self, name: str, position: dict[str, Any]) -> Version:
        """The version that the first page was of, though another may be active by now."""
        if "version" in position:
            return await self.store.version(number_in(position, "version", 0))
        return await self._version(name)

    async def _version(self, name: str) -> Version:
        version_id = version_id_of(name)
        if version_id is not None:
            return await self.store.version(version_id)
        active = await self.store.active_version()
        if active is None:
            raise LexiconEmpty("no lexicon version is active: import one")
        return active


def _change(change: pb.LexiconChange) -> Change:
    return Change(
        term=nfc(change.term.strip()),
        heard=nfc(change.heard.strip()),
        domain=change.domain,
        gloss=change.gloss,
        is_removal=change.is_removal,
        allows_rivals=change.allows_rivals,
    )


def _imported(parsed: Parsed) -> pb.ImportLexiconResponse:
    return pb.ImportLexiconResponse(
        imported_count=len(parsed.entries), skipped_count=parsed.skipped_count, verse_count=len(parsed.verses)
    )


def _rows(entries: list[Entry]) -> list[dict[str, Any]]:
    return [
        {
            "lemma": entry.term,
            "domain": entry.domain,
            "field": entry.field,
            "pos": entry.part_of_speech,
            "gloss": entry.gloss,
            "aliases": "|".join(entry.aliases),
            "note": entry.note,
            "anglicised": "yes" if entry.anglicised else "",
            "source": entry.source,
            "license": entry.license,
        }
        for entry in entries
    ]


def _tsv(entries: list[Entry]) -> str:
    target = io.StringIO()
    writer = csv.DictWriter(
        target, COLUMNS, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None, lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(_rows(entries))
    return target.getvalue()


def _json_lines(entries: list[Entry]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _rows(entries))
