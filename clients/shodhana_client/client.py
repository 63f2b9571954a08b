"""Connections to the gateway with every stub: `client.transcripts`, `client.lexicon`, …"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import descriptor_pool
from shodhana.api.embedding.v1 import embedding_pb2_grpc
from shodhana.api.identity.v1 import identity_pb2_grpc
from shodhana.api.quality.v1 import quality_pb2_grpc
from shodhana.api.review.v1 import knowledge_pb2_grpc, review_pb2_grpc
from shodhana.api.similarity.v1 import lexicon_pb2_grpc, similarity_pb2_grpc, verses_pb2_grpc
from shodhana.api.transcripts.v1 import transcripts_pb2_grpc

from .calls import AsynchronousCalls, SynchronousCalls
from .profile import Profile, ProfileMissing
from .services import SERVICES

if TYPE_CHECKING:
    from shodhana.api.embedding.v1.embedding_pb2_grpc import EmbeddingServiceAsyncStub
    from shodhana.api.identity.v1.identity_pb2_grpc import IdentityServiceAsyncStub, UserServiceAsyncStub
    from shodhana.api.quality.v1.quality_pb2_grpc import QualityServiceAsyncStub
    from shodhana.api.review.v1.knowledge_pb2_grpc import KnowledgeServiceAsyncStub
    from shodhana.api.review.v1.review_pb2_grpc import ReviewServiceAsyncStub
    from shodhana.api.similarity.v1.lexicon_pb2_grpc import LexiconServiceAsyncStub
    from shodhana.api.similarity.v1.similarity_pb2_grpc import SimilarityServiceAsyncStub
    from shodhana.api.similarity.v1.verses_pb2_grpc import VerseServiceAsyncStub
    from shodhana.api.transcripts.v1.transcripts_pb2_grpc import TranscriptServiceAsyncStub

DEADLINE_S = 120.0
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
STUBS: dict[str, Any] = {
    "embedding": embedding_pb2_grpc.EmbeddingServiceStub,
    "identity": identity_pb2_grpc.IdentityServiceStub,
    "users": identity_pb2_grpc.UserServiceStub,
    "similarity": similarity_pb2_grpc.SimilarityServiceStub,
    "lexicon": lexicon_pb2_grpc.LexiconServiceStub,
    "verses": verses_pb2_grpc.VerseServiceStub,
    "quality": quality_pb2_grpc.QualityServiceStub,
    "review": review_pb2_grpc.ReviewServiceStub,
    "knowledge": knowledge_pb2_grpc.KnowledgeServiceStub,
    "transcripts": transcripts_pb2_grpc.TranscriptServiceStub,
}
OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.enable_retries", 0),  # repeats are ours: gRPC's own know neither tokens nor request ids
)


class Client:
    """The services, synchronously, from any thread. A context manager; failed calls raise `ShodhanaError`.

    Each method takes `timeout` in seconds and `metadata`, as gRPC's do. A read, or a write that carries a
    `request_id`, is sent again where its service is away.
    """

    embedding: embedding_pb2_grpc.EmbeddingServiceStub
    identity: identity_pb2_grpc.IdentityServiceStub
    users: identity_pb2_grpc.UserServiceStub
    similarity: similarity_pb2_grpc.SimilarityServiceStub
    lexicon: lexicon_pb2_grpc.LexiconServiceStub
    verses: verses_pb2_grpc.VerseServiceStub
    quality: quality_pb2_grpc.QualityServiceStub
    review: review_pb2_grpc.ReviewServiceStub
    knowledge: knowledge_pb2_grpc.KnowledgeServiceStub
    transcripts: transcripts_pb2_grpc.TranscriptServiceStub

    def __init__(self, profile: Profile, deadline_s: float = DEADLINE_S) -> None:
        self.profile = profile
        self._channel = grpc.secure_channel(profile.gateway, encryption(profile), options=OPTIONS)
        self._calls = SynchronousCalls(profile, self._channel, deadline_s)
        for name, stub in _wrapped(self._channel, self._calls):
            setattr(self, name, stub)

    def token(self) -> str:
        """An access token, for tools that make their own calls."""
        return self._calls.token()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()


class AsyncClient:
    """The services on an event loop. An asynchronous context manager; otherwise as `Client`."""

    embedding: EmbeddingServiceAsyncStub
    identity: IdentityServiceAsyncStub
    users: UserServiceAsyncStub
    similarity: SimilarityServiceAsyncStub
    lexicon: LexiconServiceAsyncStub
    verses: VerseServiceAsyncStub
    quality: QualityServiceAsyncStub
    review: ReviewServiceAsyncStub
    knowledge: KnowledgeServiceAsyncStub
    transcripts: TranscriptServiceAsyncStub

    def __init__(self, profile: Profile, deadline_s: float = DEADLINE_S) -> None:
        self.profile = profile
        self._channel = grpc.aio.secure_channel(profile.gateway, encryption(profile), options=OPTIONS)
        self._calls = AsynchronousCalls(profile, self._channel, deadline_s)
        for name, stub in _wrapped(self._channel, self._calls):
            setattr(self, name, stub)

    async def token(self) -> str:
        """An access token, for tools that make their own calls."""
        return await self._calls.token()

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


def _wrapped(channel: Any, calls: SynchronousCalls | AsynchronousCalls) -> Iterator[tuple[str, SimpleNamespace]]:
    """Each stub by its name, its methods wrapped."""
    for name, service in SERVICES.items():
        stub = STUBS[name](channel)
        methods = {method.name: calls.wrap(getattr(stub, method.name), method) for method in methods_of(service)}
        yield name, SimpleNamespace(**methods)


def _found(profile: Profile | Path | None) -> Profile:
    return profile if isinstance(profile, Profile) else Profile.find(profile)


def encryption(profile: Profile) -> grpc.ChannelCredentials:
    """What TLS trusts. Raises ProfileMissing."""
    try:
        authority = profile.ca_certificate.read_bytes() if profile.ca_certificate else None
    except OSError as error:
        raise ProfileMissing(f"the profile's ca_certificate cannot be read: {error}") from error
    return grpc.ssl_channel_credentials(authority)
