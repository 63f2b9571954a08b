"""Domain values to messages and back, for both servicers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shodhana.api.similarity.v1 import lexicon_pb2, similarity_pb2
from shodhana.errors import FieldViolation, InvalidInput
from shodhana.runtime.pages import PageTokenInvalid
from shodhana.runtime.timestamps import timestamp
from shodhana.text.transliterate import devanagari_of

from .domain.index import Path
from .domain.lexicon import Entry, Version
from .domain.query import Candidate, Condition, Filter, Fusion, Kind, Mode, Options

MODES = {
    similarity_pb2.SEARCH_MODE_PHONETIC: Mode.PHONETIC,
    similarity_pb2.SEARCH_MODE_SEMANTIC: Mode.SEMANTIC,
    similarity_pb2.SEARCH_MODE_LEXICAL: Mode.LEXICAL,
}
KINDS = {
    Kind.EXACT: similarity_pb2.REASON_KIND_EXACT,
    Kind.ALIAS: similarity_pb2.REASON_KIND_ALIAS,
    Kind.PHONETIC: similarity_pb2.REASON_KIND_PHONETIC,
    Kind.SOUND: similarity_pb2.REASON_KIND_SOUND,
    Kind.LEXICAL: similarity_pb2.REASON_KIND_LEXICAL,
    Kind.SEMANTIC: similarity_pb2.REASON_KIND_SEMANTIC,
}
PATHS = {
    None: similarity_pb2.SEARCH_PATH_UNSPECIFIED,
    Path.EXACT: similarity_pb2.SEARCH_PATH_EXACT,
    Path.HNSW: similarity_pb2.SEARCH_PATH_HNSW,
    Path.SNAPSHOT: similarity_pb2.SEARCH_PATH_SNAPSHOT,
}
DEFAULT_LIMIT = 5


def version_id_of(name: str) -> int | None:
    """The number in `lexiconVersions/12`; None for "" and `lexiconVersions/active`."""
    last = name.rpartition("/")[2]
    return None if last in ("", "active") else int(last)


def options_of(message: similarity_pb2.SearchOptions) -> Options:
    """Search options with their defaults."""
    if message.group_size and not message.group_by:
        raise InvalidInput("group_size needs group_by", [FieldViolation("options.group_by", "must be given")])
    return Options(
        limit=message.limit or DEFAULT_LIMIT,
        score_threshold=message.score_threshold,
        filter=Filter(
            *(
                tuple(Condition(condition.field, tuple(condition.any_of)) for condition in conditions)
                for conditions in (message.filter.must, message.filter.should, message.filter.must_not)
            )
        ),
        mode=MODES.get(message.mode, Mode.HYBRID),
        fusion=Fusion.RRF if message.fusion == similarity_pb2.FUSION_RRF else Fusion.WEIGHTED,
        exact=message.exact,
        group_by=message.group_by,
        group_size=message.group_size or 1,
    )


def candidate_message(candidate: Candidate, version: Version) -> similarity_pb2.Candidate:
    """A candidate with its reasons."""
    entry = candidate.entry
    return similarity_pb2.Candidate(
        entry=f"{version.name}/entries/{entry.entry_id}",
        term=entry.term,
        devanagari=devanagari_of(entry.term),
        domain=entry.domain,
        gloss=entry.gloss,
        score=candidate.score,
        reasons=[
            similarity_pb2.Reason(kind=KINDS[reason.kind], score=round(reason.score, 4), text=reason.text)
            for reason in candidate.reasons
        ],
        anglicised=entry.anglicised,
        field=entry.field,
    )


def version_message(version: Version) -> lexicon_pb2.LexiconVersion:
    """A version."""
    return lexicon_pb2.LexiconVersion(
        name=version.name,
        active=version.active,
        entry_count=version.entry_count,
        supersedes=f"lexiconVersions/{version.supersedes}" if version.supersedes else "",
        description=version.description,
        create_time=timestamp(version.created_at),
        creator=version.creator,
        content_hash=version.content_hash,
        decisions=version.decisions,
    )


def entry_message(entry: Entry, version_name: str) -> lexicon_pb2.Entry:
    """An entry of a version."""
    return lexicon_pb2.Entry(
        name=f"{version_name}/entries/{entry.entry_id}",
        term=entry.term,
        devanagari=devanagari_of(entry.term),
        domain=entry.domain,
        field=entry.field,
        part_of_speech=entry.part_of_speech,
        gloss=entry.gloss,
        aliases=entry.aliases,
        note=entry.note,
        anglicised=entry.anglicised,
        source=entry.source,
        license=entry.license,
    )


def number_in(position: Mapping[str, Any], key: str, default: int = 0) -> int:
    """A number in the position of a page token. Raises PageTokenInvalid."""
    value = position.get(key, default)
    if type(value) is not int or not 0 <= value < 2**63:
        raise PageTokenInvalid
    return value
