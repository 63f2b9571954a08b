"""Client of Shodhana: stubs with tokens, retries, deadlines and typed errors.

from shodhana_client import connect
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

with connect() as client:
    file = pb.TranscriptFile(filename="talk.srt", content=open("talk.srt", "rb").read())
    answer = client.transcripts.CorrectTranscript(pb.CorrectTranscriptRequest(file=file))
    print(answer.report.scores.academic_score)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import AsyncClient, Client, connect, connect_async
    from .errors import ShodhanaError
    from .profile import Profile

__all__ = ["AsyncClient", "Client", "Profile", "ShodhanaError", "connect", "connect_async"]
_HOMES = {
    "AsyncClient": "client",
    "Client": "client",
    "connect": "client",
    "connect_async": "client",
    "ShodhanaError": "errors",
    "Profile": "profile",
}


def __getattr__(name: str) -> Any:
    """Loads gRPC when it is first needed: the command-line tool answers --help without it."""
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
