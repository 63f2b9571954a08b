"""The terms of the active lexicon version, read from the similarity service and kept in this process."""

from __future__ import annotations

import asyncio

import grpc
import structlog

from shodhana.api.similarity.v1 import lexicon_pb2 as pb
from shodhana.api.similarity.v1 import lexicon_pb2_grpc as grpc_api

from ..domain.lexicon import KnownTerms

PAGE = 1000
TIMEOUT_S = 10.0
_log = structlog.get_logger()


class LexiconSnapshot:
    """The port `Lexicon`. A version that cannot be read leaves the last one in place."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = grpc_api.LexiconServiceStub(channel)
        self._terms: KnownTerms | None = None

    def terms(self) -> KnownTerms | None:
        return self._terms

    async def keep_up(self, interval_s: float) -> None:
        """Follows the active version until cancelled."""
        while True:
            try:
                await self.refresh()
            except grpc.aio.AioRpcError as error:
                _log.warning("lexicon_unreachable", code=error.code().name)
            await asyncio.sleep(interval_s)

    async def refresh(self) -> None:
        """Reads the active version where it is another than the one held."""
        request = pb.GetLexiconVersionRequest(name="lexiconVersions/active")
        version = await self._stub.GetLexiconVersion(request, timeout=TIMEOUT_S)
        if self._terms is not None and self._terms.version == version.name:
            return
        terms: list[tuple[str, bool]] = []
        token = ""
        while True:
            page = await self._stub.ListEntries(
                pb.ListEntriesRequest(parent=version.name, page_size=PAGE, page_token=token), timeout=TIMEOUT_S
            )
            terms.extend((entry.term, entry.anglicised) for entry in page.entries)
            token = page.next_page_token
            if not token:
                break
        self._terms = await asyncio.to_thread(KnownTerms.of, version.name, terms)
