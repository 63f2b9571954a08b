"""Translates between the verse contract, the store and the index."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shodhana.api.similarity.v1 import verses_pb2 as pb
from shodhana.api.similarity.v1 import verses_pb2_grpc as grpc_api
from shodhana.runtime.pages import decode_page_token, encode_page_token
from shodhana.text.transliterate import devanagari_of_line

from .domain.lexicon import Verse
from .domain.metre import metre_of
from .domain.verse_index import Recitation, VerseIndex
from .domain.verses import VerseQuery, VerseShelf, VerseStore
from .translation import number_in

DEFAULT_RECITATIONS, DEFAULT_VERSES = 10, 100


@dataclass(frozen=True, slots=True)
class VerseServicer(grpc_api.VerseServiceServicer):
    """Verses, and which of them are recited."""

    store: VerseStore
    shelf: VerseShelf

    async def SearchVerses(self, request: pb.SearchVersesRequest, context: Any) -> pb.SearchVersesResponse:
        index = self.shelf.index
        limit = request.limit or DEFAULT_RECITATIONS
        results = await asyncio.to_thread(_searched, index, request.texts, limit, request.min_confidence)
        return pb.SearchVersesResponse(results=results, verse_index=index.version, verse_count=len(index.verses))

    async def GetVerse(self, request: pb.GetVerseRequest, context: Any) -> pb.Verse:
        return verse_message(await self.store.verse(request.name.removeprefix("verses/")))

    async def ListVerses(self, request: pb.ListVersesRequest, context: Any) -> pb.ListVersesResponse:
        size = request.page_size or DEFAULT_VERSES
        after = number_in(decode_page_token(request.page_token), "after")
        query = VerseQuery(request.prefix, request.source, after, size + 1)
        found = await self.store.list_verses(query)
        token = encode_page_token({"after": found[size - 1].verse_id}) if len(found) > size else ""
        return pb.ListVersesResponse(
            verses=map(verse_message, found[:size]),
            next_page_token=token,
            total_size=await self.store.count_verses(query),
        )


def verse_message(verse: Verse) -> pb.Verse:
    """A verse with what is derived of it."""
    return pb.Verse(
        name=f"verses/{verse.verse_id}",
        reference=verse.reference,
        lines=verse.lines,
        devanagari="\n".join(map(devanagari_of_line, verse.lines)),
        metre=str(metre_of(" ".join(verse.spoken)) or ""),
        source=verse.source,
        license=verse.license,
    )


def _searched(index: VerseIndex, texts: Sequence[str], limit: int, min_confidence: float) -> list[pb.RecitedVerses]:
    return [
        pb.RecitedVerses(
            recitations=[_recitation(found) for found in index.find(text, limit) if found.confidence >= min_confidence],
            metre=str(metre_of(text) or ""),
        )
        for text in texts
    ]


def _recitation(found: Recitation) -> pb.Recitation:
    verse = verse_message(found.verse)
    return pb.Recitation(
        start=found.start,
        end=found.end,
        verse=verse,
        lines=found.lines,
        confidence=round(found.confidence, 4),
        similarity=round(found.similarity, 4),
        alternatives=found.alternatives,
        reasons=_reasons(found, verse.metre),
    )


def _reasons(found: Recitation, metre: str) -> Iterator[str]:
    yield f"closest verse: its sounds agree by {found.similarity:.0%}"
    if metre:
        yield f"metre: {metre}"
    if found.alternatives:
        yield f"the same words in {', '.join(found.alternatives)}"
