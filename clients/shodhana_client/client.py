"""Connections to the gateway with every stub: `client.transcripts`, `client.lexicon`, …"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from shodhana.api.embedding.v1 import embedding_pb2_grpc
from shodhana.api.identity.v1 import identity_pb2, identity_pb2_grpc
from shodhana.api.quality.v1 import quality_pb2_grpc
from shodhana.api.review.v1 import review_pb2_grpc
from shodhana.api.similarity.v1 import lexicon_pb2_grpc, similarity_pb2_grpc
from shodhana.api.transcripts.v1 import transcripts_pb2_grpc

from .errors import error_of
from .profile import Profile

DEADLINE_S = 120.0
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
STUBS: dict[str, tuple[str, Any]] = {
    "embedding": ("shodhana.api.embedding.v1.EmbeddingService", embedding_pb2_grpc.EmbeddingServiceStub),
    "identity": ("shodhana.api.identity.v1.IdentityService", identity_pb2_grpc.IdentityServiceStub),
    "users": ("shodhana.api.identity.v1.UserService", identity_pb2_grpc.UserServiceStub),
    "similarity": ("shodhana.api.similarity.v1.SimilarityService", similarity_pb2_grpc.SimilarityServiceStub),
    "lexicon": ("shodhana.api.similarity.v1.LexiconService", lexicon_pb2_grpc.LexiconServiceStub),
    "quality": ("shodhana.api.quality.v1.QualityService", quality_pb2_grpc.QualityServiceStub),
    "review": ("shodhana.api.review.v1.ReviewService", review_pb2_grpc.ReviewServiceStub),
    "transcripts": ("shodhana.api.transcripts.v1.TranscriptService", transcripts_pb2_grpc.TranscriptServiceStub),
}


class _Token(grpc.AuthMetadataPlugin):
    """Puts an access token on each call; gets a new one at two thirds of its life."""

    def __init__(self, profile: Profile, encryption: grpc.ChannelCredentials) -> None:
        self._request = identity_pb2.IssueTokenRequest(client_id=profile.client_id, client_secret=profile.client_secret)
        self._profile = profile
        self._encryption = encryption
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def __call__(self, context: grpc.AuthMetadataContext, callback: grpc.AuthMetadataPluginCallback) -> None:
        try:
            callback((("authorization", f"Bearer {self.text()}"),), None)
        except grpc.RpcError as error:
            callback((), error)

    def text(self) -> str:
        """A token that holds. Raises grpc.RpcError."""
        with self._lock:
            if time.time() >= self._renew_at:
                self._renew()
            return self._token

    def _renew(self) -> None:
        with grpc.secure_channel(self._profile.gateway, self._encryption) as channel:
            stub = identity_pb2_grpc.IdentityServiceStub(channel)
            answer = stub.IssueToken(self._request, timeout=10, wait_for_ready=True)
        now = time.time()
        self._token = answer.access_token
        self._renew_at = now + (answer.expire_time.seconds - now) * 2 / 3


class Client:
    """The services, synchronously. A context manager; failed calls raise `ShodhanaError`."""

    embedding: Any
    identity: Any
    users: Any
    similarity: Any
    lexicon: Any
    quality: Any
    review: Any
    transcripts: Any

    def __init__(self, profile: Profile, deadline_s: float = DEADLINE_S) -> None:
        credentials, self._token = _credentials(profile)
        self._channel = grpc.secure_channel(profile.gateway, credentials, options=_options())
        for name, (service, stub) in STUBS.items():
            setattr(self, name, _Stub(stub(self._channel), service, deadline_s, _synchronous))

    def token(self) -> str:
        """An access token, for tools that make their own calls."""
        try:
            return self._token.text()
        except grpc.RpcError as error:
            raise error_of(error) from error

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()


class AsyncClient:
    """The services on an event loop. An asynchronous context manager; failed calls raise `ShodhanaError`."""

    embedding: Any
    identity: Any
    users: Any
    similarity: Any
    lexicon: Any
    quality: Any
    review: Any
    transcripts: Any

    def __init__(self, profile: Profile, deadline_s: float = DEADLINE_S) -> None:
        credentials, _ = _credentials(profile)
        self._channel = grpc.aio.secure_channel(profile.gateway, credentials, options=_options())
        for name, (service, stub) in STUBS.items():
            setattr(self, name, _Stub(stub(self._channel), service, deadline_s, _asynchronous))

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()


def connect(profile: Profile | Path | None = None, deadline_s: float = DEADLINE_S) -> Client:
    """A client of the mesh that `profile` names, or of the one found here. Raises ProfileMissing."""
    return Client(_found(profile), deadline_s)


def connect_async(profile: Profile | Path | None = None, deadline_s: float = DEADLINE_S) -> AsyncClient:
    """As `connect`, for an event loop."""
    return AsyncClient(_found(profile), deadline_s)


def methods_of(service: str) -> list[Any]:
    """Method descriptors of a service by its full name."""
    return list(descriptor_pool.Default().FindServiceByName(service).methods)


class _Stub:
    """A stub whose methods have a deadline and raise typed errors."""

    def __init__(self, stub: Any, service: str, deadline_s: float, wrap: Callable[[Any, bool, float], Any]) -> None:
        for method in methods_of(service):
            setattr(self, method.name, wrap(getattr(stub, method.name), method.server_streaming, deadline_s))


def _synchronous(method: Any, streams: bool, deadline_s: float) -> Any:
    def unary(request: Any, timeout: float = deadline_s, **options: Any) -> Any:
        try:
            return method(request, timeout=timeout, **options)
        except grpc.RpcError as error:
            raise error_of(error) from error

    def stream(request: Any, timeout: float | None = None, **options: Any) -> Iterator[Any]:
        try:
            yield from method(request, timeout=timeout, **options)
        except grpc.RpcError as error:
            raise error_of(error) from error

    return stream if streams else unary


def _asynchronous(method: Any, streams: bool, deadline_s: float) -> Any:
    async def unary(request: Any, timeout: float = deadline_s, **options: Any) -> Any:
        try:
            return await method(request, timeout=timeout, **options)
        except grpc.aio.AioRpcError as error:
            raise error_of(error) from error

    async def stream(request: Any, timeout: float | None = None, **options: Any) -> AsyncIterator[Any]:
        try:
            async for item in method(request, timeout=timeout, **options):
                yield item
        except grpc.aio.AioRpcError as error:
            raise error_of(error) from error

    return stream if streams else unary


def _found(profile: Profile | Path | None) -> Profile:
    return profile if isinstance(profile, Profile) else Profile.find(profile)


def _credentials(profile: Profile) -> tuple[grpc.ChannelCredentials, _Token]:
    authority = profile.ca_certificate.read_bytes() if profile.ca_certificate else None
    encryption = grpc.ssl_channel_credentials(authority)
    token = _Token(profile, encryption)
    return grpc.composite_channel_credentials(encryption, grpc.metadata_call_credentials(token)), token


def _options() -> list[tuple[str, Any]]:
    return [
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.service_config", _service_config()),
    ]


def _service_config() -> str:
    """gRPC's own retries, for the methods that the contracts call repeatable."""
    repeatable = (descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS, descriptor_pb2.MethodOptions.IDEMPOTENT)
    names = [
        {"service": service, "method": method.name}
        for service, _ in STUBS.values()
        for method in methods_of(service)
        if method.GetOptions().idempotency_level in repeatable
    ]
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.05s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    throttling = {"maxTokens": 20, "tokenRatio": 0.1}
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": policy}], "retryThrottling": throttling})
