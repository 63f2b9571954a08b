"""A gateway of the tests' own: the real contracts over TLS, answering what a test asks for."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from google.protobuf import any_pb2, duration_pb2, timestamp_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from shodhana.api.identity.v1 import identity_pb2, identity_pb2_grpc
from shodhana.api.quality.v1 import quality_pb2
from shodhana.api.similarity.v1 import lexicon_pb2, lexicon_pb2_grpc, verses_pb2, verses_pb2_grpc
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana.api.transcripts.v1 import transcripts_pb2_grpc
from shodhana.stack.certificates.edge import EdgeCertificates
from shodhana_client.application import tool
from shodhana_client.profile import Profile

TOKEN_LIFE_S = 600
TOKEN_PATIENCE_S = 60


class Gateway(
    identity_pb2_grpc.IdentityServiceServicer,
    identity_pb2_grpc.UserServiceServicer,
    lexicon_pb2_grpc.LexiconServiceServicer,
    transcripts_pb2_grpc.TranscriptServiceServicer,
    verses_pb2_grpc.VerseServiceServicer,
):
    """Fails as `failures` say, one a call, and notes what it is asked."""

    def __init__(self) -> None:
        self.failures: deque[status_pb2.Status] = deque()
        self.tokens = 0
        self.refreshed: list[str] = []
        self.calls: list[tuple[str, Any, dict[str, Any], float | None]] = []
        self.left = threading.Event()
        self.gives_tokens = threading.Event()
        self.gives_tokens.set()
        self.watches: list[list[Any]] = []

    def fail(self, code: grpc.StatusCode, *details: Any, message: str = "on purpose", times: int = 1) -> None:
        """The next calls fail so."""
        self.failures.extend([status(code, message, *details)] * times)

    def full(self, retry_after_s: float) -> None:
        """The next call finds a full queue, and is told when to come again."""
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(retry_after_s * 1e9))
        self.fail(grpc.StatusCode.RESOURCE_EXHAUSTED, error_details_pb2.RetryInfo(retry_delay=delay))

    @property
    def names(self) -> list[str]:
        return [name for name, *_ in self.calls]

    def IssueToken(self, request: identity_pb2.IssueTokenRequest, context: Any) -> identity_pb2.IssueTokenResponse:
        if request.client_secret != "right":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "client id and secret do not match a service account")
        self.gives_tokens.wait(TOKEN_PATIENCE_S)
        self.tokens += 1
        ends = timestamp_pb2.Timestamp(seconds=int(time.time()) + TOKEN_LIFE_S)
        return identity_pb2.IssueTokenResponse(access_token=f"token-{self.tokens}", expire_time=ends)

    def RefreshLogin(self, request: identity_pb2.RefreshLoginRequest, context: Any) -> identity_pb2.LoginTokens:
        self.refreshed.append(request.refresh_token)
        if request.refresh_token != f"refresh-{len(self.refreshed) - 1}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "the log-in has ended: log in again")
        return login_tokens(len(self.refreshed), TOKEN_LIFE_S)

    def EndLogin(self, request: identity_pb2.EndLoginRequest, context: Any) -> identity_pb2.EndLoginResponse:
        self._take("EndLogin", request, context)
        return identity_pb2.EndLoginResponse()

    def GetPrincipal(self, request: identity_pb2.GetPrincipalRequest, context: Any) -> identity_pb2.Principal:
        self._take("GetPrincipal", request, context)
        return identity_pb2.Principal(subject="users/1", display_name="Gārgī", roles=["expert_linguist"])

    def StartDeviceLogin(
        self, request: identity_pb2.StartDeviceLoginRequest, context: Any
    ) -> identity_pb2.StartDeviceLoginResponse:
        ends = timestamp_pb2.Timestamp(seconds=int(time.time()) + TOKEN_LIFE_S)
        page = "https://gateway.example/auth/device?user_code=BCDF-GHJK"
        return identity_pb2.StartDeviceLoginResponse(
            device_code="d", user_code="BCDF-GHJK", verification_uri_complete=page, expire_time=ends
        )

    def RedeemDeviceCode(self, request: identity_pb2.RedeemDeviceCodeRequest, context: Any) -> identity_pb2.LoginTokens:
        self._take("RedeemDeviceCode", request, context)
        return login_tokens(0, TOKEN_LIFE_S)

    def CorrectTranscript(self, request: pb.CorrectTranscriptRequest, context: Any) -> pb.CorrectTranscriptResponse:
        self._take("CorrectTranscript", request, context)
        return corrected(request.file)

    def ScoreFile(self, request: pb.ScoreFileRequest, context: Any) -> pb.ScoreFileResponse:
        self._take("ScoreFile", request, context)
        report = quality_pb2.QualityReport(scores=quality_pb2.Scores(academic_score=0.5), violation_count=0)
        return pb.ScoreFileResponse(report=report)

    def SuggestTerms(self, request: pb.SuggestTermsRequest, context: Any) -> pb.SuggestTermsResponse:
        self._take("SuggestTerms", request, context)
        found = [pb.TermSuggestions(heard=item.heard, candidates=[candidate()]) for item in request.items]
        return pb.SuggestTermsResponse(suggestions=found)

    def BatchGetProfiles(
        self, request: identity_pb2.BatchGetProfilesRequest, context: Any
    ) -> identity_pb2.BatchGetProfilesResponse:
        self._take("BatchGetProfiles", request, context)
        found = [identity_pb2.Profile(name=name, display_name=f"Reader {name}") for name in request.names]
        return identity_pb2.BatchGetProfilesResponse(profiles=found[:1])

    def GetJob(self, request: pb.GetJobRequest, context: Any) -> pb.Job:
        self._take("GetJob", request, context)
        return pb.Job(name=request.name)

    def CreateJob(self, request: pb.CreateJobRequest, context: Any) -> pb.Job:
        self._take("CreateJob", request, context)
        return pb.Job(name=f"jobs/{self.names.count('CreateJob')}", file_count=len(request.files))

    def WatchJob(self, request: pb.WatchJobRequest, context: Any) -> Iterator[pb.WatchJobResponse]:
        context.add_callback(self.left.set)
        self._take("WatchJob", request, context)
        for frame in self.watches.pop(0):
            if isinstance(frame, grpc.StatusCode):
                context.abort(frame, "in the middle")
            yield frame
        if not self.watches:
            self.left.wait(10)

    def ListJobFiles(self, request: pb.ListJobFilesRequest, context: Any) -> pb.ListJobFilesResponse:
        self._take("ListJobFiles", request, context)
        created = [seen for name, seen, *_ in self.calls if name == "CreateJob"]
        files = created[int(request.parent.removeprefix("jobs/")) - 1].files
        return pb.ListJobFilesResponse(files=[self._file(request.parent, n, file) for n, file in enumerate(files, 1)])

    def GetResult(self, request: pb.GetResultRequest, context: Any) -> pb.CorrectTranscriptResponse:
        self._take("GetResult", request, context)
        return corrected(pb.TranscriptFile(filename="talk.srt", content=b"x"))

    def GetEntry(self, request: lexicon_pb2.GetEntryRequest, context: Any) -> lexicon_pb2.Entry:
        self._take("GetEntry", request, context)
        return lexicon_pb2.Entry(name=request.name, term="kṛṣṇa", devanagari="कृष्ण", domain="spiritual")

    def ExportLexicon(
        self, request: lexicon_pb2.ExportLexiconRequest, context: Any
    ) -> Iterator[lexicon_pb2.ExportLexiconResponse]:
        self._take("ExportLexicon", request, context)
        yield lexicon_pb2.ExportLexiconResponse(chunk="lemma\tgloss\nkṛṣṇa\tteacher\n".encode())

    def ImportLexicon(
        self, request: lexicon_pb2.ImportLexiconRequest, context: Any
    ) -> lexicon_pb2.ImportLexiconResponse:
        self._take("ImportLexicon", request, context)
        return lexicon_pb2.ImportLexiconResponse(verse_count=701)

    def SearchVerses(self, request: verses_pb2.SearchVersesRequest, context: Any) -> verses_pb2.SearchVersesResponse:
        self._take("SearchVerses", request, context)
        found = verses_pb2.Recitation(
            end=8, verse=verse(), lines=verse().lines[:1], confidence=0.97, reasons=["closest verse"]
        )
        results = [verses_pb2.RecitedVerses(recitations=[found])]
        return verses_pb2.SearchVersesResponse(results=results, verse_count=54)

    def ListVerses(self, request: verses_pb2.ListVersesRequest, context: Any) -> verses_pb2.ListVersesResponse:
        self._take("ListVerses", request, context)
        return verses_pb2.ListVersesResponse(verses=[verse()], total_size=30)

    def GetVerse(self, request: verses_pb2.GetVerseRequest, context: Any) -> verses_pb2.Verse:
        self._take("GetVerse", request, context)
        return verse()

    def _take(self, name: str, request: Any, context: Any) -> None:
        self.calls.append((name, request, dict(context.invocation_metadata()), context.time_remaining()))
        if self.failures:
            context.abort_with_status(rpc_status.to_status(self.failures.popleft()))

    def _file(self, job: str, number: int, file: pb.TranscriptFile) -> pb.JobFile:
        if file.content.startswith(b"broken"):
            error = status_pb2.Status(code=3, message="line 2: no time line")
            return pb.JobFile(filename=file.filename, state=pb.JOB_FILE_STATE_FAILED, error=error)
        name = f"{job}/files/{number}"
        return pb.JobFile(name=name, filename=file.filename, state=pb.JOB_FILE_STATE_SUCCEEDED)


def login_tokens(number: int, life_s: float) -> identity_pb2.LoginTokens:
    ends = timestamp_pb2.Timestamp(seconds=int(time.time() + life_s))
    return identity_pb2.LoginTokens(
        access_token=f"access-{number}", expire_time=ends, refresh_token=f"refresh-{number}", login_expire_time=ends
    )


def verse() -> verses_pb2.Verse:
    return verses_pb2.Verse(
        name="verses/8",
        reference="BG 2.47",
        lines=["karmaṇy evādhikāras te mā phaleṣu kadācana", "mā karmaphalahetur bhūr mā te saṅgo 'stv akarmaṇi"],
        devanagari="कर्मण्य्",
        metre="anuṣṭubh (pathyā)",
        source="verses/gita.tsv",
        license="CC0-1.0",
    )


def candidate() -> pb.TermCandidate:
    return pb.TermCandidate(
        term="bhakti",
        probability=0.91,
        domain="spiritual",
        reasons=["spelled like it"],
        gloss="devotion",
        devanagari="भक्ति",
    )


def corrected(file: pb.TranscriptFile) -> pb.CorrectTranscriptResponse:
    """`baki` of one cue corrected, `samadi` suggested; a review is required where the file asks for one."""
    name, _, ending = file.filename.removesuffix(".gz").rpartition(".")
    common = {"cue": 1, "probability": 0.91, "candidates": [candidate()], "start_ms": 3_723_000}
    applied = pb.Correction(
        start=4, end=8, heard="baki", corrected="bhakti", status=pb.CORRECTION_STATUS_APPLIED, **common
    )
    suggested = pb.Correction(
        start=13, end=19, heard="samadi", corrected="samādhi", status=pb.CORRECTION_STATUS_SUGGESTED, **common
    )
    cue = pb.CuePair(
        index=1, start_ms=3_723_000, original="The baki and samadi <b>", corrected="The bhakti and samadi <b>"
    )
    report = pb.CorrectionReport(
        filename=file.filename,
        scores=quality_pb2.Scores(academic_score=0.9),
        requires_review=b"doubt" in file.content,
        corrections=[applied, suggested],
        lexicon_version="lexiconVersions/7",
    )
    return pb.CorrectTranscriptResponse(
        filename=f"{name}.corrected.{ending}", content=b"corrected", report=report, cues=[cue]
    )


def status(code: grpc.StatusCode, message: str, *details: Any) -> status_pb2.Status:
    """What the services' interceptor sends for an error."""
    found = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        found.details.append(packed)
    return found


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tool keeps what it knows of this person: nothing of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.delenv("SHODHANA_NO_LOGIN", raising=False)
    return tmp_path / "configuration" / "shodhana"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> EdgeCertificates:
    made = EdgeCertificates(tmp_path_factory.mktemp("tls"))
    made.ensure()
    return made


@pytest.fixture(scope="session")
def listening(certificates: EdgeCertificates) -> Iterator[tuple[Gateway, int]]:
    gateway = Gateway()
    server = grpc.server(futures.ThreadPoolExecutor(8))
    identity_pb2_grpc.add_IdentityServiceServicer_to_server(gateway, server)
    identity_pb2_grpc.add_UserServiceServicer_to_server(gateway, server)
    lexicon_pb2_grpc.add_LexiconServiceServicer_to_server(gateway, server)
    verses_pb2_grpc.add_VerseServiceServicer_to_server(gateway, server)
    transcripts_pb2_grpc.add_TranscriptServiceServicer_to_server(gateway, server)
    pair = (certificates.server_key.read_bytes(), certificates.server.read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    yield gateway, port
    server.stop(None).wait()


@pytest.fixture
def gateway(listening: tuple[Gateway, int]) -> Gateway:
    """The gateway, as it was at its start."""
    found, _ = listening
    Gateway.__init__(found)
    return found


@pytest.fixture
def profile(gateway: Gateway, listening: tuple[Gateway, int], certificates: EdgeCertificates) -> Profile:
    _, port = listening
    return Profile(f"localhost:{port}", "someone", "right", certificates.authority)


@pytest.fixture
def stranger(profile: Profile) -> Profile:
    """Of whom the gateway knows nothing."""
    return replace(profile, client_secret="wrong")


@pytest.fixture
def profile_file(profile: Profile, tmp_path: Path) -> Path:
    path = tmp_path / "client.json"
    names = ("gateway", "client_id", "client_secret", "ca_certificate")
    path.write_text(json.dumps({name: str(getattr(profile, name)) for name in names}))
    return path


@pytest.fixture
def shodhana(profile_file: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The tool, away from a terminal: `shodhana("score", "talk.srt")` has exit_code, stdout and stderr."""
    monkeypatch.setenv("SHODHANA_CLIENT", str(profile_file))
    return lambda *words, **options: CliRunner().invoke(tool, [str(word) for word in words], **options)
