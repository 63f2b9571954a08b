"""From decisions to the lexicon: takes lessons, publishes what is agreed on, has the affected scored again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import structlog

from .canary import Canary
from .proposals import Proposals
from .publications import (
    OVERTAKEN,
    UNTRIED,
    AmendmentRefused,
    FinishedFiles,
    Lexicon,
    PartMissing,
    Publication,
    Publications,
    PublicationState,
)
from .rescoring import Rescorer
from .trail import Lessons

LESSONS_AT_ONCE = 200
PAUSE_S = 0.5
_log = structlog.get_logger()


class Leadership(Protocol):
    """Sees to it that one replica learns at a time."""

    def hold(self) -> AbstractAsyncContextManager[Callable[[], bool]]:
        """Waits for its turn; the value says whether the turn still lasts."""
        ...


@dataclass(frozen=True, slots=True)
class Learner:
    """Learns in a loop. Each step is noted before the next begins, so that a process that dies is no loss."""

    lessons: Lessons
    proposals: Proposals
    publications: Publications
    lexicon: Lexicon
    canary: Canary
    files: FinishedFiles
    rescorer: Rescorer
    when_active: Callable[[float], None]
    """Told of each activation, with the seconds since the decision."""

    async def run(self, leadership: Leadership) -> None:
        """Until cancelled, while it is this replica's turn."""
        async with leadership.hold() as lasts:
            is_prepared = False
            while lasts():
                try:
                    was_busy = await self.step()
                except PartMissing as missing:
                    _log.warning("learning_waits", reason=missing.message)
                    was_busy = False
                if not was_busy:
                    is_prepared = is_prepared or await self._prepare()
                    await asyncio.sleep(PAUSE_S)

    async def step(self) -> bool:
        """One step of each kind; whether there was something to do. Raises PartMissing."""
        did_learn = await self._learn()
        did_publish = await self._publish()
        return await self.rescorer.step() or did_publish or did_learn

    async def _prepare(self) -> bool:
        try:
            await self.canary.prepare(await self.lexicon.active())
        except PartMissing:
            return False
        return True

    async def _learn(self) -> bool:
        async with self.lessons.take(LESSONS_AT_ONCE) as lessons:
            await self.proposals.absorb(lessons)
            return bool(lessons)

    async def _publish(self) -> bool:
        publication = await self.publications.open()
        if publication is None:
            return await self.publications.plan()
        steps = {
            PublicationState.PLANNED: self._make,
            PublicationState.MADE: self._try,
            PublicationState.PASSED: self._activate,
            PublicationState.ACTIVE: self._tell,
        }
        await steps[publication.state](publication)
        return True

    async def _make(self, publication: Publication) -> None:
        try:
            version, outcomes = await self.lexicon.amend(publication)
        except AmendmentRefused as refusal:
            await self.publications.refused(publication, refusal.message, UNTRIED)
        else:
            await self.publications.made(publication, version, outcomes)

    async def _try(self, publication: Publication) -> None:
        before = await self.lexicon.version(publication.base_version)
        after = await self.lexicon.version(publication.lexicon_version)
        result = await self.canary.compare(before, after)
        if result.worse and not publication.only_removes:  # what was taken back goes, whatever it was good for
            reason = f"known answers would be wrong: {'; '.join(result.worse)}"
            await self.publications.refused(publication, reason, result)
        else:
            await self.publications.passed(publication, result)

    async def _activate(self, publication: Publication) -> None:
        active = await self.lexicon.active()
        if active.name not in (publication.base_version, publication.lexicon_version):
            await self.publications.refused(publication, OVERTAKEN, None)
            return
        await self.lexicon.activate(publication.lexicon_version)
        seconds = await self.publications.active(publication)
        self.when_active(seconds)
        _log.info("lexicon_learned", version=publication.lexicon_version, seconds=round(seconds, 1))

    async def _tell(self, publication: Publication) -> None:
        heard = [change.heard for change in publication.changes]
        file_count = await self.files.recheck(heard, publication.lexicon_version)
        await self.publications.done(publication, file_count)
