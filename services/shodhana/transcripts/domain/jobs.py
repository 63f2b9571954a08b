"""Jobs of many files: rows in Postgres are the truth, leases and fences keep workers apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from shodhana.errors import AlreadyExists, FailedPrecondition, NotFound


class JobNotFound(NotFound):
    """No job, or no file of it, of that number."""


class ResultNotReady(FailedPrecondition):
    """The file has not finished, or finished without a result."""

    reason = "RESULT_NOT_READY"


class RequestIdReused(AlreadyExists):
    """The same request id came with other files."""

    reason = "REQUEST_ID_REUSED"


class FileState(Enum):
    """State of one file."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobState(Enum):
    """State of a job, which follows from its files."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to correct; `layout` is the number of the contract's format."""

    filename: str
    content: bytes
    layout: int


@dataclass(frozen=True, slots=True)
class NewJob:
    """Files to correct; `options` and `traceparent` are handed to the workers unread."""

    files: tuple[NewFile, ...]
    options: bytes
    display_name: str
    creator: str
    request_id: str | None
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job with the counts of its files by state."""

    job_id: int
    display_name: str
    creator: str
    created_at: datetime
    cancelled_at: datetime | None
    ended_at: datetime | None
    counts: dict[FileState, int]

    @property
    def file_count(self) -> int:
        return sum(self.counts.values())

    @property
    def has_ended(self) -> bool:
        return not (self.counts.get(FileState.QUEUED) or self.counts.get(FileState.RUNNING))

    @property
    def state(self) -> JobState:
        if self.cancelled_at is not None and self.has_ended:
            return JobState.CANCELLED
        if self.counts.get(FileState.QUEUED) == self.file_count:
            return JobState.PENDING
        if not self.has_ended:
            return JobState.RUNNING
        return JobState.SUCCEEDED if self.counts.get(FileState.SUCCEEDED) else JobState.FAILED


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file as its list shows it; `error` and `scores` are messages of the contract, unread."""

    job_id: int
    file_id: int
    filename: str
    state: FileState
    attempt: int
    error: bytes | None
    scores: bytes | None
    requires_review: bool
    ended_at: datetime | None
    outdated_by: str = ""


@dataclass(frozen=True, slots=True)
class ClaimedFile:
    """A file in a worker's hands, until its lease ends."""

    file_id: int
    job_id: int
    fence: int
    attempt: int
    filename: str
    content: bytes
    layout: int
    options: bytes
    traceparent: str
    waited_s: float = 0.0
    """Since its job was created."""


@dataclass(frozen=True, slots=True)
class FilesWaiting:
    """Files that are not done; `oldest_wait_s` is 0 where none waits for a worker."""

    queued_count: int
    running_count: int
    oldest_wait_s: float


@dataclass(frozen=True, slots=True)
class FileResult:
    """What a worker made of a file."""

    result: bytes
    scores: bytes
    requires_review: bool
    terms: tuple[str, ...] = ()
    """Its words that may be Sanskrit, folded."""


class JobStore(Protocol):
    """Where jobs are kept."""

    async def create(self, new: NewJob) -> tuple[Job, list[int]]:
        """The job and the ids of its files; the first job again for a repeated request. Raises RequestIdReused."""
        ...

    async def job(self, job_id: int) -> Job: ...

    async def jobs(self, before: int | None, limit: int) -> list[Job]: ...

    async def files(self, job_id: int, state: FileState | None, after: int, limit: int) -> list[JobFile]: ...

    async def cancel(self, job_id: int) -> Job: ...

    async def result(self, job_id: int, file_id: int) -> bytes: ...

    async def original(self, job_id: int, file_id: int) -> NewFile:
        """The file as it was given."""
        ...

    async def claim(self, file_id: int, lease_s: float) -> ClaimedFile | None:
        """The file, if it waits or its lease has run out and nobody else takes it now."""
        ...

    async def prolong(self, claimed: ClaimedFile, lease_s: float) -> bool: ...

    async def finish(self, claimed: ClaimedFile, result: FileResult) -> bool:
        """False where the claim is no longer the newest: the result is dropped."""
        ...

    async def fail(self, claimed: ClaimedFile, error: bytes) -> bool: ...

    async def give_back(self, claimed: ClaimedFile) -> bool: ...

    async def waiting(self) -> FilesWaiting: ...

    async def sweep(self, max_attempts: int, poison: bytes) -> list[int]:
        """Fails files whose workers died too often; returns the ids of those to ring for again."""
        ...


class Doorbell(Protocol):
    """Tells the workers that files wait."""

    async def ring(self, file_ids: Sequence[int]) -> None:
        """Never raises, and returns soon: a bell that is not heard is rung again by the sweeper."""
        ...
