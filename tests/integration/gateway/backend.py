"""A replica that speaks the real contracts and answers what a test asks for: run as `python backend.py PORT`.

It listens on both services' names the tests use. SIGUSR1 turns it NOT_SERVING, SIGUSR2 SERVING again.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import _async as async_health
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from shodhana.api.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from shodhana.api.identity.v1 import identity_pb2, identity_pb2_grpc
from shodhana.api.transcripts.v1 import transcripts_pb2, transcripts_pb2_grpc
from shodhana.runtime.wires import wire_of

Context = grpc.aio.ServicerContext[Any, Any]
SLOW = "jobs/8"
BROKEN = transcripts_pb2.Job(name="jobs/9", state=transcripts_pb2.JOB_STATE_RUNNING)


class Embedding(embedding_pb2_grpc.EmbeddingServiceServicer):
    """ListModels tells which replica answered; Embed does what its `model` says."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def ListModels(self, request: Any, context: Context) -> embedding_pb2.ListModelsResponse:
        return embedding_pb2.ListModelsResponse(models=[embedding_pb2.Model(model_id=str(self._port))])

    async def Embed(self, request: embedding_pb2.EmbedRequest, context: Context) -> embedding_pb2.EmbedResponse:
        if request.model == "sleep":
            await asyncio.sleep(float(request.texts[0]))
        if request.model in {"internal", "unavailable"}:
            await context.abort(getattr(grpc.StatusCode, request.model.upper()), "on purpose")
        if request.model == "invalid":
            await context.abort_with_status(rpc_status.to_status(refusal()))
        seen = {
            "metadata": {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)},
            "remaining_s": context.time_remaining(),
            "truncation": request.truncation,
            "texts": len(request.texts),
        }
        return embedding_pb2.EmbedResponse(model_fingerprint=json.dumps(seen), count=len(request.texts))

    async def EmbedStream(
        self, request_iterator: AsyncIterator[embedding_pb2.EmbedStreamRequest], context: Context
    ) -> AsyncIterator[embedding_pb2.EmbedStreamResponse]:
        async for batch in request_iterator:
            yield embedding_pb2.EmbedStreamResponse(batch_id=batch.batch_id)


class Transcripts(transcripts_pb2_grpc.TranscriptServiceServicer):
    """WatchJob streams three frames, pausing for jobs/8, breaking off for jobs/9; CreateJob notes each attempt."""

    def __init__(self, attempts: Path) -> None:
        self._attempts = attempts

    async def GetJob(self, request: transcripts_pb2.GetJobRequest, context: Context) -> transcripts_pb2.Job:
        return transcripts_pb2.Job(name=request.name, file_count=3)

    async def ListJobs(self, request: Any, context: Context) -> transcripts_pb2.ListJobsResponse:
        return transcripts_pb2.ListJobsResponse(jobs=[transcripts_pb2.Job(name="jobs/1")])

    async def WatchJob(
        self, request: transcripts_pb2.WatchJobRequest, context: Context
    ) -> AsyncIterator[transcripts_pb2.WatchJobResponse]:
        for count in (1, 2):
            yield transcripts_pb2.WatchJobResponse(job=transcripts_pb2.Job(name=request.name, succeeded_count=count))
            if request.name == SLOW:
                await asyncio.sleep(60)
        if request.name == BROKEN.name:
            await context.abort(grpc.StatusCode.INTERNAL, "in the middle")
        yield transcripts_pb2.WatchJobResponse(done=transcripts_pb2.Job(name=request.name, succeeded_count=2))

    async def CreateJob(self, request: transcripts_pb2.CreateJobRequest, context: Context) -> transcripts_pb2.Job:
        with self._attempts.open("a") as attempts:
            attempts.write(f"{os.getpid()}\n")
        if request.display_name == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return transcripts_pb2.Job(name="jobs/1", file_count=len(request.files))


class Identity(identity_pb2_grpc.IdentityServiceServicer):
    """A public and an authenticated RPC."""

    async def IssueToken(self, request: Any, context: Context) -> identity_pb2.IssueTokenResponse:
        return identity_pb2.IssueTokenResponse(access_token="token")

    async def GetJwks(self, request: Any, context: Context) -> identity_pb2.GetJwksResponse:
        return identity_pb2.GetJwksResponse(keys=[identity_pb2.JsonWebKey(kid="1")])

    async def GetPrincipal(self, request: Any, context: Context) -> identity_pb2.Principal:
        return identity_pb2.Principal(subject="someone")


class Users(identity_pb2_grpc.UserServiceServicer):
    """Needs users:manage."""

    async def ListUsers(self, request: Any, context: Context) -> identity_pb2.ListUsersResponse:
        return identity_pb2.ListUsersResponse()

    async def UpdateUser(self, request: identity_pb2.UpdateUserRequest, context: Context) -> identity_pb2.User:
        return identity_pb2.User(name=request.user.name, display_name=request.user.display_name)


def refusal() -> status_pb2.Status:
    """INVALID_ARGUMENT with details, as the services' interceptor makes it."""
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message="a field breaks its rule")
    violation = error_details_pb2.BadRequest.FieldViolation(field="texts[0]", description="too long")
    details = [
        error_details_pb2.ErrorInfo(reason="INVALID_INPUT", domain="shodhana.api"),
        error_details_pb2.BadRequest(field_violations=[violation]),
    ]
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


async def serve(port: int, attempts: Path, tls: Path | None) -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 64 << 20)])
    embedding_pb2_grpc.add_EmbeddingServiceServicer_to_server(Embedding(port), server)
    transcripts_pb2_grpc.add_TranscriptServiceServicer_to_server(Transcripts(attempts), server)
    identity_pb2_grpc.add_IdentityServiceServicer_to_server(Identity(), server)
    identity_pb2_grpc.add_UserServiceServicer_to_server(Users(), server)
    health = async_health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    wire_of(tls).listen(server, f"127.0.0.1:{port}")
    await server.start()
    states = {signal.SIGUSR1: "NOT_SERVING", signal.SIGUSR2: "SERVING"}
    changes: asyncio.Queue[str] = asyncio.Queue()
    for number, state in states.items():
        asyncio.get_running_loop().add_signal_handler(number, changes.put_nowait, state)
    while True:
        status = await changes.get()
        await health.set("", health_pb2.HealthCheckResponse.ServingStatus.Value(status))


if __name__ == "__main__":
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), folder))
