"""The lexicon of the similarity service, behind a breaker."""

from __future__ import annotations

from typing import Any

import grpc

from shodhana.api.similarity.v1 import lexicon_pb2 as pb
from shodhana.api.similarity.v1 import lexicon_pb2_grpc as grpc_api
from shodhana.errors import DomainError
from shodhana.runtime.breaker import CircuitBreaker

from ..domain.publications import AmendmentRefused, Change, Effect, LexiconVersion, Outcome, PartMissing, Publication

TIMEOUT_S = 30.0
SHOWN_TERMS = 5
EFFECTS = {getattr(pb, f"CHANGE_EFFECT_{effect.name}"): effect for effect in Effect}


class LexiconClient:
    """The port `Lexicon`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = grpc_api.LexiconServiceStub(channel)
        self._breaker = CircuitBreaker("lexicon", failure_threshold=5, reset_s=1.0)

    async def active(self) -> LexiconVersion:
        return await self.version("lexiconVersions/active")

    async def version(self, name: str) -> LexiconVersion:
        return _version(await self._call(self._stub.GetLexiconVersion, pb.GetLexiconVersionRequest(name=name)))

    async def amend(self, publication: Publication) -> tuple[LexiconVersion, tuple[Outcome, ...]]:
        request = pb.AmendLexiconRequest(
            changes=map(_change, publication.changes),
            decisions=publication.decisions,
            description=_description(publication),
            request_id=publication.request_id,
        )
        answer = await self._call(self._stub.AmendLexicon, request)
        return _version(answer.version), tuple(
            Outcome(EFFECTS[one.effect], tuple(one.rivals)) for one in answer.outcomes
        )

    async def activate(self, name: str) -> None:
        await self._call(self._stub.ActivateLexiconVersion, pb.ActivateLexiconVersionRequest(name=name))

    async def _call(self, method: Any, request: Any) -> Any:
        try:
            async with self._breaker:
                return await method(request, timeout=TIMEOUT_S)
        except (grpc.aio.AioRpcError, DomainError) as error:
            if isinstance(error, grpc.aio.AioRpcError) and error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise AmendmentRefused(_cause(error)) from error
            raise PartMissing(f"the lexicon does not answer: {_cause(error)}", retry_after_s=1) from error


def _cause(error: grpc.aio.AioRpcError | DomainError) -> str:
    return str(error.details()) if isinstance(error, grpc.aio.AioRpcError) else error.message


def _change(change: Change) -> pb.LexiconChange:
    return pb.LexiconChange(
        term=change.term,
        heard=change.heard,
        domain=change.domain,
        gloss=change.gloss,
        is_removal=change.is_removal,
        allows_rivals=change.is_resolved,
    )


def _description(publication: Publication) -> str:
    added = [change.term for change in publication.changes if not change.is_removal]
    removed = [change.term for change in publication.changes if change.is_removal]
    parts = ((verb, terms) for verb, terms in (("learned", added), ("taken back", removed)) if terms)
    return "; ".join(f"{verb}: {_some(terms)}" for verb, terms in parts)


def _some(terms: list[str]) -> str:
    more = len(terms) - SHOWN_TERMS
    return ", ".join(term[:50] for term in terms[:SHOWN_TERMS]) + (f" and {more} more" if more > 0 else "")


def _version(message: pb.LexiconVersion) -> LexiconVersion:
    return LexiconVersion(message.name, message.content_hash, message.supersedes)
