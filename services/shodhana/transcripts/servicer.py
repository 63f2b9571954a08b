"""Translates between the transcripts contract and the domain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from google.rpc import status_pb2

from shodhana.api.quality.v1 import quality_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana.api.transcripts.v1 import transcripts_pb2_grpc as grpc_api
from shodhana.errors import DomainError, FieldViolation, InvalidInput, ResourceExhausted
from shodhana.runtime import auth, telemetry
from shodhana.runtime.errors import to_status
from shodhana.runtime.pages import decode_page_token, encode_page_token
from shodhana.runtime.timestamps import timestamp
from shodhana.text.fold import popular_fold

from . import signals
from .domain.assessment import PlaceAssessor
from .domain.corrected import CorrectionOptions
from .domain.finishing import Finisher
from .domain.jobs import Doorbell, FileState, Job, JobFile, JobState, JobStore, NewFile, NewJob
from .domain.pipeline import TranscriptCorrector
from .domain.ports import Heard
from .domain.rechecks import Rechecks
from .settings import TranscriptsSettings
from .translation import (
    FORMATS,
    FORMATS_BY_NUMBER,
    assessment_of,
    candidate_of,
    finished_of,
    options_of,
    place_of,
    places_of,
    response_of,
    scored_of,
    sent_place,
)

MAX_JOB_BYTES = 50 * 1000 * 1000
DEFAULT_JOBS, DEFAULT_FILES, DEFAULT_CANDIDATES = 20, 100, 5
JOB_STATES = {state: getattr(pb, f"JOB_STATE_{state.name}") for state in JobState}
FILE_STATES = {state: getattr(pb, f"JOB_FILE_STATE_{state.name}") for state in FileState}
STATES_BY_NUMBER = {number: state for state, number in FILE_STATES.items()}


class FieldMaskInvalid(InvalidInput):
    """The mask names a field that does not exist."""

    reason = "FIELD_MASK_INVALID"


@dataclass(frozen=True, slots=True)
class TranscriptServicer(grpc_api.TranscriptServiceServicer):
    """Corrections at once, and jobs."""

    corrector: TranscriptCorrector
    store: JobStore
    bell: Doorbell
    assessor: PlaceAssessor
    finisher: Finisher
    rechecks: Rechecks
    settings: TranscriptsSettings

    async def CorrectTranscript(
        self, request: pb.CorrectTranscriptRequest, context: Any
    ) -> pb.CorrectTranscriptResponse:
        options = options_of(request.options, self.settings.thresholds(), request.request_id)
        layout = FORMATS.get(request.file.format)
        corrected = await self.corrector.correct(request.file.content, request.file.filename, layout, options)
        signals.corrected(corrected)
        signals.ended("succeeded")
        return await asyncio.to_thread(response_of, corrected, request.include_cues)

    async def ApplyDecisions(self, request: pb.ApplyDecisionsRequest, context: Any) -> pb.ApplyDecisionsResponse:
        file, places = request.file, [sent_place(place) for place in request.places]
        finished = await self.finisher.finish(file.content, file.filename, FORMATS.get(file.format), places)
        return finished_of(finished, request.include_cues)

    async def ScoreFile(self, request: pb.ScoreFileRequest, context: Any) -> pb.ScoreFileResponse:
        file, options = request.file, CorrectionOptions(self.settings.thresholds())
        scored = await self.corrector.score(file.content, file.filename, FORMATS.get(file.format), options)
        return scored_of(scored, request.include_cues)

    async def SuggestTerms(self, request: pb.SuggestTermsRequest, context: Any) -> pb.SuggestTermsResponse:
        heard = [Heard(item.heard, item.context) for item in request.items]
        limit = request.limit or DEFAULT_CANDIDATES
        lists, found = await self.corrector.suggest(heard, limit, request.lexicon_version)
        return pb.SuggestTermsResponse(
            suggestions=[
                pb.TermSuggestions(heard=item.text, candidates=map(candidate_of, ranked))
                for item, ranked in zip(heard, lists, strict=True)
            ],
            lexicon_version=found.lexicon_version,
            degraded=found.degraded,
        )

    async def AssessPlaces(self, request: pb.AssessPlacesRequest, context: Any) -> pb.AssessPlacesResponse:
        places = [place_of(number, place) for number, place in enumerate(request.places)]
        options = CorrectionOptions(self.settings.thresholds(), request.lexicon_version)
        assessed = await self.assessor.assess(places, options)
        return pb.AssessPlacesResponse(
            assessments=map(assessment_of, assessed.decisions),
            lexicon_version=assessed.lexicon_version,
            degraded=assessed.degraded,
        )

    async def RecheckFiles(self, request: pb.RecheckFilesRequest, context: Any) -> pb.RecheckFilesResponse:
        terms = sorted({popular_fold(heard) for heard in request.heard} - {""})
        if request.validate_only:
            return pb.RecheckFilesResponse(file_count=await self.rechecks.count(terms))
        return pb.RecheckFilesResponse(file_count=await self.rechecks.ask(terms, request.lexicon_version))

    async def CreateJob(self, request: pb.CreateJobRequest, context: Any) -> pb.Job:
        size = sum(len(file.content) for file in request.files)
        if size > MAX_JOB_BYTES:
            limit = {"limit": str(MAX_JOB_BYTES)}
            raise ResourceExhausted(f"the files are {size} bytes together; at most {MAX_JOB_BYTES}", metadata=limit)
        new = NewJob(
            files=tuple(NewFile(file.filename, file.content, file.format) for file in request.files),
            options=request.options.SerializeToString(),
            display_name=request.display_name,
            creator=auth.principal().subject,
            request_id=request.request_id or None,
            traceparent=telemetry.inject({}).get("traceparent", ""),
        )
        job, file_ids = await self.store.create(new)
        await self.bell.ring(file_ids)
        return _job(job)

    async def GetJob(self, request: pb.GetJobRequest, context: Any) -> pb.Job:
        _check_mask(request.read_mask.paths)
        job = _job(await self.store.job(_job_id(request.name)))
        if not request.read_mask.paths:
            return job
        masked = pb.Job()
        request.read_mask.MergeMessage(job, masked)
        return masked

    async def ListJobs(self, request: pb.ListJobsRequest, context: Any) -> pb.ListJobsResponse:
        size = request.page_size or DEFAULT_JOBS
        before = decode_page_token(request.page_token).get("before")
        found = await self.store.jobs(before, size + 1)
        token = encode_page_token({"before": found[size - 1].job_id}) if len(found) > size else ""
        return pb.ListJobsResponse(jobs=map(_job, found[:size]), next_page_token=token)

    async def ListJobFiles(self, request: pb.ListJobFilesRequest, context: Any) -> pb.ListJobFilesResponse:
        size = request.page_size or DEFAULT_FILES
        job = await self.store.job(_job_id(request.parent))
        after = int(decode_page_token(request.page_token).get("after", 0))
        found = await self.store.files(job.job_id, STATES_BY_NUMBER.get(request.state), after, size + 1)
        token = encode_page_token({"after": found[size - 1].file_id}) if len(found) > size else ""
        return pb.ListJobFilesResponse(files=map(_file, found[:size]), next_page_token=token)

    async def CancelJob(self, request: pb.CancelJobRequest, context: Any) -> pb.Job:
        return _job(await self.store.cancel(_job_id(request.name)))

    async def WatchJob(self, request: pb.WatchJobRequest, context: Any) -> AsyncIterator[pb.WatchJobResponse]:
        last: Job | None = None
        while True:
            try:
                job = await self.store.job(_job_id(request.name))
            except DomainError:
                if last is None:
                    raise
                yield pb.WatchJobResponse(
                    error=status_pb2.Status(code=14, message="the job cannot be read: watch again")
                )
                return
            if job.has_ended:
                yield pb.WatchJobResponse(done=_job(job))
                return
            if job != last:
                yield pb.WatchJobResponse(job=_job(job))
            last = job
            await asyncio.sleep(self.settings.watch_interval_s)

    async def GetResult(self, request: pb.GetResultRequest, context: Any) -> pb.CorrectTranscriptResponse:
        parent, _, file_id = request.name.partition("/files/")
        where = (_job_id(parent), int(file_id))
        response = pb.CorrectTranscriptResponse.FromString(await self.store.result(*where))
        if not request.include_cues:
            response.ClearField("cues")
        if request.apply_decisions:
            places = places_of(response.report)
            file = await self.store.original(*where)
            layout = FORMATS_BY_NUMBER.get(file.layout)
            finished = await self.finisher.finish(file.content, file.filename, layout, places)
            _overwrite(response, finished_of(finished, request.include_cues))
        return response


def _check_mask(paths: Any) -> None:
    known = pb.Job.DESCRIPTOR.fields_by_name
    unknown = [path for path in paths if path not in known]
    if unknown:
        violations = [FieldViolation("read_mask", f"Job has no field {path!r}") for path in unknown]
        raise FieldMaskInvalid(f"unknown field in read_mask: {', '.join(unknown)}", violations)


def _overwrite(response: pb.CorrectTranscriptResponse, finished: pb.ApplyDecisionsResponse) -> None:
    """Puts the finished file in the place of the corrected one."""
    response.ClearField("cues")
    response.filename, response.content = finished.filename, finished.content
    response.decisions.CopyFrom(finished.decisions)
    response.cues.extend(finished.cues)


def _job_id(name: str) -> int:
    return int(name.removeprefix("jobs/"))


def _job(job: Job) -> pb.Job:
    return pb.Job(
        name=f"jobs/{job.job_id}",
        display_name=job.display_name,
        state=JOB_STATES[job.state],
        file_count=job.file_count,
        succeeded_count=job.counts[FileState.SUCCEEDED],
        failed_count=job.counts[FileState.FAILED],
        cancelled_count=job.counts[FileState.CANCELLED],
        running_count=job.counts[FileState.RUNNING],
        creator=job.creator,
        create_time=timestamp(job.created_at),
        end_time=timestamp(job.ended_at),
    )


def _file(file: JobFile) -> pb.JobFile:
    message = pb.JobFile(
        name=f"jobs/{file.job_id}/files/{file.file_id}",
        filename=file.filename,
        state=FILE_STATES[file.state],
        attempt_count=file.attempt,
        requires_review=file.requires_review,
        end_time=timestamp(file.ended_at),
        outdated_by=file.outdated_by,
    )
    if file.error:
        message.error.CopyFrom(status_pb2.Status.FromString(file.error))
    if file.scores:
        message.scores.CopyFrom(quality_pb2.Scores.FromString(file.scores))
    return message


def poison_status(max_attempts: int) -> bytes:
    """What a file says whose workers died."""
    error = ResourceExhausted(f"given up after {max_attempts} workers died correcting it")
    return bytes(to_status(error, "").SerializeToString())
