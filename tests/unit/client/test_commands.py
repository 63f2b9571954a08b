"""What the commands write, print and exit with."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client.commands.process import write_results

if TYPE_CHECKING:
    from conftest import Gateway
    from shodhana_client.profile import Profile

Tool = Callable[..., Any]
Code = grpc.StatusCode


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was opened for."""
    found: list[str] = []
    monkeypatch.setattr("webbrowser.open", found.append)
    return found


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.srt"
    path.write_text("1\n01:02:03,000 --> 01:02:05,000\nThe baki and samadi\n")
    return path


def test_the_stable_interface_of_process(shodhana: Tool, talk: Path, tmp_path: Path) -> None:
    done = shodhana("process", talk, "--output", tmp_path / "out", "--json")
    assert done.exit_code == 0
    report = json.loads((tmp_path / "out" / "talk.report.json").read_text())
    assert json.loads(done.stdout) == report
    assert (tmp_path / "out" / "talk.corrected.srt").read_bytes() == b"corrected"
    assert "<ins" in (tmp_path / "out" / "talk.report.html").read_text()
    scores = ("iast_compliance", "sanskrit_accuracy", "academic_score", "overall_score")
    assert {name: report["scores"][name] for name in scores} == {**dict.fromkeys(scores), "academic_score": 0.9}
    assert (report["requires_review"], report["lexicon_version"], report["degraded"]) == (
        False,
        "lexiconVersions/7",
        False,
    )
    applied, suggested = report["corrections"]
    wanted = {"cue": 1, "start": 4, "end": 8, "heard": "baki", "corrected": "bhakti", "probability": 0.91}
    assert wanted.items() <= applied.items()
    assert (applied["status"], suggested["status"]) == ("applied", "suggested")
    candidate = {"term": "bhakti", "probability": 0.91, "domain": "spiritual", "reasons": ["spelled like it"]}
    assert candidate.items() <= applied["candidates"][0].items()


def test_process_prints_what_changed_where_and_how_surely(shodhana: Tool, talk: Path) -> None:
    done = shodhana("process", talk)
    assert "baki\tbhakti\t0.91\tapplied\tcue 1 at 1:02:03" in done.stdout
    assert "1 applied, 1 suggested" in done.stdout
    assert "iast_compliance absent" in done.stdout
    assert f"written: {talk.parent / 'talk.corrected.srt'}" in done.stdout
    assert "\x1b" not in done.output  # no colour and no bar away from a terminal


def test_a_zipped_file_and_one_of_json_keep_their_names(shodhana: Tool, tmp_path: Path) -> None:
    (tmp_path / "a.srt.gz").write_bytes(gzip.compress(b"x"))
    (tmp_path / "b.whisper.json").write_text("{}")
    assert shodhana("process", tmp_path / "a.srt.gz", tmp_path / "b.whisper.json").exit_code == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert {"a.corrected.srt", "a.report.json", "b.whisper.corrected.json", "b.whisper.report.json"} <= names


def test_a_review_is_an_exit_code_only_where_asked_for(shodhana: Tool, tmp_path: Path) -> None:
    doubtful = tmp_path / "doubtful.txt"
    doubtful.write_text("doubt")
    assert shodhana("process", doubtful).exit_code == 0
    assert shodhana("process", doubtful, "--fail-on-review").exit_code == 3


def test_a_file_that_fails_stops_no_other_and_outweighs_a_review(
    gateway: Gateway, shodhana: Tool, talk: Path, tmp_path: Path
) -> None:
    talk.write_text("doubt")
    done = shodhana("process", tmp_path / "absent.srt", talk, "--fail-on-review", "--json")
    assert done.exit_code == 1
    assert f"error: {tmp_path / 'absent.srt'}: No such file or directory" in done.stderr
    assert [report["filename"] for report in json.loads(done.stdout)] == ["talk.srt"]


def test_many_files_are_written_in_their_order(shodhana: Tool, tmp_path: Path) -> None:
    files = [tmp_path / f"{number:02}.txt" for number in range(20)]
    for path in files:
        path.write_text("x")
    done = shodhana("process", *files, "--output", tmp_path / "out", "--json")
    assert [report["filename"] for report in json.loads(done.stdout)] == [path.name for path in files]
    assert len(list((tmp_path / "out").iterdir())) == 60


def test_files_whose_results_would_be_the_same_are_refused(gateway: Gateway, shodhana: Tool, tmp_path: Path) -> None:
    for command in ("process", "jobs"):
        refused = shodhana(command, "a/talk.srt", "b/talk.vtt", "--output", tmp_path)
        assert refused.exit_code == 2
        assert "a/talk.srt and b/talk.vtt" in refused.stderr
    assert gateway.calls == []


def test_a_folder_that_cannot_be_written_is_told_before_the_work(gateway: Gateway, shodhana: Tool, talk: Path) -> None:
    refused = shodhana("process", talk, "--output", talk)
    assert (refused.exit_code, gateway.calls) == (2, [])
    assert "is a file" in refused.stderr


def test_the_services_answer_names_no_place_outside_the_folder(tmp_path: Path) -> None:
    answer = pb.CorrectTranscriptResponse(filename="../elsewhere.srt", content=b"x")
    assert write_results(answer, Path("talk.srt"), tmp_path / "out") == tmp_path / "out" / "elsewhere.srt"
    assert not (tmp_path / "elsewhere.srt").exists()


def test_suggest_ranks_candidates(gateway: Gateway, shodhana: Tool) -> None:
    document = json.loads(shodhana("suggest", "baki", "--context", "the ___ path", "--limit", 3, "--json").stdout)
    assert document["heard"] == "baki"
    assert set(document["candidates"][0]) >= {"term", "probability", "domain", "reasons"}
    (_, request, *_) = gateway.calls[0]
    assert (request.limit, request.items[0].context) == (3, "the ___ path")
    assert shodhana("suggest", "baki").stdout == "bhakti\t0.91\tspiritual\tdevotion\tspelled like it\n"


def test_suggest_does_a_whole_file_in_its_order(gateway: Gateway, shodhana: Tool, tmp_path: Path) -> None:
    rows = [f"word{number}\tsomething\tthe ___ of {number}" for number in range(1201)]
    batch = tmp_path / "heard.tsv"
    batch.write_text("\ufeff# heard\tright\tcontext\n" + "\n".join(rows) + "\n\n", encoding="utf-8")
    done = shodhana("suggest", "--batch", batch, "--json-lines")
    assert [json.loads(line)["heard"] for line in done.stdout.splitlines()] == [f"word{n}" for n in range(1201)]
    assert [len(request.items) for _, request, *_ in gateway.calls] == [500, 500, 201]
    assert gateway.calls[2][1].items[0].context == "the ___ of 1000"


def test_suggest_reads_a_file_without_a_header_from_standard_input(shodhana: Tool) -> None:
    done = shodhana("suggest", "--batch", "-", input="baki\nsamadi\n")
    assert done.stdout == "baki\tbhakti 0.91\nsamadi\tbhakti 0.91\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"baki\n\tx\n", "line 2: column 1"), (b"\xff\xfe\n", "can't decode"), (None, "No such file")],
)
def test_a_batch_that_cannot_be_read_is_an_error(
    shodhana: Tool, tmp_path: Path, content: bytes | None, words: str
) -> None:
    batch = tmp_path / "heard.tsv"
    if content is not None:
        batch.write_bytes(content)
    done = shodhana("suggest", "--batch", batch)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: {batch}: ")
    assert words in done.stderr


def test_score_explains_a_file(shodhana: Tool, talk: Path) -> None:
    document = json.loads(shodhana("score", talk, "--json").stdout)
    assert document["scores"]["academic_score"] == 0.5
    assert document["scores"]["iast_compliance"] is None
    assert "academic_score\t0.500" in shodhana("score", talk).stdout


def test_lexicon_shows_and_exports(shodhana: Tool) -> None:
    assert "कृष्ण" in shodhana("lexicon", "show", "krishna").stdout
    assert shodhana("lexicon", "export").stdout == "lemma\tgloss\nkṛṣṇa\tteacher\n"


def test_a_job_is_followed_over_broken_watches_and_its_results_fetched(
    gateway: Gateway, shodhana: Tool, talk: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.srt").write_text("broken")
    running, done = pb.WatchJobResponse(job=pb.Job(succeeded_count=1)), pb.WatchJobResponse(done=pb.Job(failed_count=1))
    gateway.watches = [[running, pb.WatchJobResponse(error={"code": 14})], [running, Code.UNAVAILABLE], [done]]
    gateway.left.set()
    ended = shodhana("jobs", talk, tmp_path / "broken.srt", "--output", tmp_path / "out", "--name", "test")
    assert ended.exit_code == 1
    assert ended.stdout == f"{tmp_path / 'out' / 'talk.corrected.srt'}\n"
    assert f"{tmp_path / 'broken.srt'}: line 2: no time line" in ended.stderr
    assert gateway.names == ["CreateJob", "WatchJob", "WatchJob", "WatchJob", "ListJobFiles", "GetResult"]


def test_more_files_than_a_job_takes_make_several(
    gateway: Gateway, shodhana: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shodhana_client.commands.jobs.MOST_FILES", 2)
    monkeypatch.setattr("shodhana_client.commands.jobs.MOST_BYTES", 100)
    sizes = {"a": 1, "b": 1, "c": 60, "d": 60}
    for name, size in sizes.items():
        (tmp_path / f"{name}.txt").write_bytes(b"x" * size)
    gateway.watches = [[pb.WatchJobResponse(done=pb.Job())] for _ in range(3)]
    gateway.left.set()
    files = [tmp_path / f"{name}.txt" for name in sizes]
    assert shodhana("jobs", *files, "--output", tmp_path / "out").exit_code == 0
    created = [[file.filename for file in request.files] for name, request, *_ in gateway.calls if name == "CreateJob"]
    assert created == [["a.txt", "b.txt"], ["c.txt"], ["d.txt"]]


def test_a_job_with_a_file_that_is_not_there_is_not_begun(gateway: Gateway, shodhana: Tool, talk: Path) -> None:
    refused = shodhana("jobs", talk, talk.parent / "absent.srt", "--output", talk.parent)
    assert (refused.exit_code, gateway.calls) == (1, [])
    assert "absent.srt: No such file" in refused.stderr


def test_a_token_is_printed_for_other_tools(shodhana: Tool) -> None:
    assert shodhana("token").stdout == "token-1\n"


def test_the_services_words_reach_the_user_without_a_traceback(gateway: Gateway, shodhana: Tool, talk: Path) -> None:
    violations = [
        error_details_pb2.BadRequest.FieldViolation(field=name, description="is wrong") for name in ("file", "options")
    ]
    gateway.fail(
        Code.INVALID_ARGUMENT, error_details_pb2.BadRequest(field_violations=violations), message="file: is wrong"
    )
    assert shodhana("score", talk).stderr == "error: file: is wrong\n  options: is wrong\n"
    gateway.fail(Code.INTERNAL, error_details_pb2.RequestInfo(request_id="r-1"), message="internal error")
    assert "quote request r-1" in shodhana("score", talk).stderr


def test_a_mesh_that_is_down_is_told_in_words(shodhana: Tool, tmp_path: Path, talk: Path) -> None:
    profile = tmp_path / "down.json"
    profile.write_text('{"gateway": "localhost:1", "client_id": "a", "client_secret": "b"}')
    done = shodhana("score", talk, "--profile", profile)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: the mesh does not answer (")
    assert "shodhana status" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("proces",), "(Did you mean one of: 'process', 'profile'?)"),
        (("process",), "Missing argument 'FILES...'"),
        (("process", "--outptu", "x", "talk.srt"), "No such option '--outptu'"),
        (("suggest",), "give either HEARD or --batch FILE"),
        (("suggest", "baki", "--batch", "x"), "give either HEARD or --batch FILE"),
        (("suggest", " "), "HEARD is empty"),
        (("suggest", "baki", "--limit", "99"), "99 is not in the range 1<=x<=20"),
        (("score",), "Missing argument 'FILE'"),
        (("rpc", "transcript"), "Did you mean 'transcripts'?"),
    ],
)
def test_wrong_words_are_usage(shodhana: Tool, words: tuple[str, ...], message: str) -> None:
    refused = shodhana(*words)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert message in refused.stderr


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("lexicon", "list"), "/app/lexicon"),
        (("lexicon", "list", "dhy"), "/app/lexicon?q=dhy"),
        (("lexicon", "show", "kṛṣṇa"), "/app/lexicon?q=k%E1%B9%9B%E1%B9%A3%E1%B9%87a"),
        (("lexicon", "proposals"), "/app/lexicon/proposals"),
        (("review", "list"), "/app/queue"),
        (("review", "show", "678"), "/app/review?case=reviewCases%2F678"),
        (("review", "show", "reviewCases/678"), "/app/review?case=reviewCases%2F678"),
    ],
)
def test_what_is_printed_opens_in_the_browser_where_that_is_asked_for(
    shodhana: Tool, gateway: Gateway, profile: Profile, opened: list[str], words: tuple[str, ...], path: str
) -> None:
    done = shodhana(*words, "--web")
    assert (done.exit_code, done.stdout, gateway.calls) == (0, "", [])
    assert opened == [f"https://{profile.gateway}{path}"]
    assert opened[0] in done.stderr


def test_the_page_of_a_report_and_the_job_open_in_the_browser(
    shodhana: Tool, gateway: Gateway, talk: Path, profile: Profile, opened: list[str]
) -> None:
    assert shodhana("process", talk, "--web").exit_code == 0
    page = talk.with_name("talk.report.html")
    assert page.exists()
    gateway.watches = [[pb.WatchJobResponse(done=pb.Job(name="jobs/1"))]]
    assert shodhana("jobs", talk, "--output", talk.parent, "--web").exit_code == 0
    assert opened == [page.as_uri(), f"https://{profile.gateway}/app/files/1"]
