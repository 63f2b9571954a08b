"""Scores over gRPC, and the reports that are kept."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg
import grpc
import pytest
import redis as redis_client
from shodhana.api.quality.v1 import quality_pb2 as pb
from shodhana.quality.settings import QualitySettings
from shodhana.runtime.pages import encode_page_token

ENGLISH = "one by one they came in the morning"
CLEAN = "the dhyāna of kṛṣṇa brings śānti"
FAULTY = "the dhyāna of Krṣna"


async def test_a_report_is_stored_with_all_it_says(caller: Any) -> None:
    made = await caller.score(FAULTY, subject="talk.srt")
    assert made.name.startswith("qualityReports/")
    assert (made.subject, made.lexicon_version, made.degraded) == ("talk.srt", "lexiconVersions/1", False)
    assert made.scores.iast_compliance == 0.5
    assert [(found.rule, found.text) for found in made.violations] == [("canonical_spelling", "Krṣna")]
    assert made.requires_review
    assert made.create_time.seconds > 0
    assert await caller.call("GetReport", pb.GetReportRequest(name=made.name)) == made


async def test_scores_are_absent_without_sanskrit(caller: Any, owner: asyncpg.Connection) -> None:
    report = await caller.score(ENGLISH)
    for name in ("iast_compliance", "sanskrit_accuracy", "academic_score", "overall_score"):
        assert not report.scores.HasField(name)
    assert not report.requires_review
    stored = await owner.fetchrow(
        "SELECT iast_compliance, sanskrit_accuracy, academic_score, overall_score FROM quality.quality_reports"
    )
    assert list(stored.values()) == [None] * 4


async def test_a_repeated_request_gets_the_stored_report(caller: Any, owner: asyncpg.Connection) -> None:
    request_id = str(uuid.uuid4())
    first = await caller.score(CLEAN, request_id=request_id)
    assert await caller.score(CLEAN, request_id=request_id) == first
    assert await owner.fetchval("SELECT count(*) FROM quality.quality_reports") == 1


async def test_scores_alone_store_nothing(caller: Any, owner: asyncpg.Connection) -> None:
    report = await caller.score(CLEAN, validate_only=True)
    assert report.scores.academic_score == 1.0
    assert (report.name, report.HasField("create_time")) == ("", False)
    assert await owner.fetchval("SELECT count(*) FROM quality.quality_reports") == 0


async def test_lists_are_paged_newest_first_and_narrowed(caller: Any) -> None:
    made = [await caller.score(FAULTY if n % 3 == 0 else CLEAN, subject=f"talk {n % 2}") for n in range(9)]
    newest_first = [report.name for report in reversed(made)]
    assert await _names(caller, page_size=2) == newest_first
    odd = [report.name for report in reversed(made) if report.subject == "talk 1"]
    assert await _names(caller, page_size=2, subject="talk 1") == odd
    doubtful = [report.name for report in reversed(made) if report.requires_review]
    assert await _names(caller, page_size=2, requires_review=True) == doubtful
    page = await caller.call("ListReports", pb.ListReportsRequest())
    assert all(report.scores.HasField("academic_score") and not report.violations for report in page.reports)
    assert page.next_page_token == ""


@pytest.mark.parametrize("position", [{"before": "x"}, {"before": 2**70}, {"before": -1}, {"before": True}])
async def test_a_forged_page_token_is_refused(caller: Any, position: dict[str, Any]) -> None:
    request = pb.ListReportsRequest(page_token=encode_page_token(position))
    assert await _code(caller.call("ListReports", request)) is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_report_that_is_not_there_is_not_found(caller: Any) -> None:
    request = pb.GetReportRequest(name="qualityReports/999999999999999999")
    assert await _code(caller.call("GetReport", request)) is grpc.StatusCode.NOT_FOUND


async def test_each_call_needs_its_permission(replicas: Any) -> None:
    reader = await replicas.start(permissions=["reports:read"])
    assert await _code(reader.score(CLEAN)) is grpc.StatusCode.PERMISSION_DENIED
    writer = await replicas.start(permissions=["quality:write"])
    assert await _code(writer.call("ListReports", pb.ListReportsRequest())) is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("subject", ["a\x00b", "x" * 501])
async def test_a_subject_that_cannot_be_kept_is_bad_input(caller: Any, subject: str) -> None:
    assert await _code(caller.score(CLEAN, subject=subject)) is grpc.StatusCode.INVALID_ARGUMENT


def test_thresholds_and_caches_come_from_the_environment_by_their_fixed_names(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = QualitySettings()
    assert (plain.min_academic_score, plain.iast_compliance_threshold, plain.similarity_threshold) == (0.85, 0.9, 0.85)
    assert (plain.cache_ttl_s, plain.cache_entries) == (3600, 50_000)
    for name in ("MIN_ACADEMIC_SCORE", "IAST_COMPLIANCE_THRESHOLD", "SIMILARITY_THRESHOLD"):
        monkeypatch.setenv(name, "0.5")
    changed = QualitySettings()
    assert {changed.min_academic_score, changed.iast_compliance_threshold, changed.similarity_threshold} == {0.5}


async def test_gates_follow_the_configuration_though_the_replicas_share_a_cache(
    replicas: Any, caller: Any, until: Any
) -> None:
    lenient = await replicas.start(min_academic_score=0.1, iast_compliance_threshold=0.1)
    await until(lenient)
    strict_report = await caller.score(FAULTY)
    lenient_report = await lenient.score(FAULTY)
    assert (strict_report.requires_review, lenient_report.requires_review) == (True, False)
    assert strict_report.scores == lenient_report.scores
    assert lenient_report.thresholds.min_academic_score == 0.1
    assert [gate.passed for gate in lenient_report.gates] == [True] * 3


async def test_a_score_is_computed_once_for_all_replicas(
    replicas: Any, caller: Any, redis_server: Any, until: Any
) -> None:
    redis = redis_client.Redis.from_url(redis_server.url)
    before = set(redis.keys("quality:*"))
    first = await caller.score(CLEAN, "a line of its own", validate_only=True)
    [key] = set(redis.keys("quality:*")) - before
    assert 0 < redis.ttl(key) <= 3600
    other = await replicas.start()
    await until(other)
    known = set(redis.keys("quality:*"))
    assert await other.score(CLEAN, "a line of its own", validate_only=True) == first
    assert set(redis.keys("quality:*")) == known
    redis.close()


async def test_a_new_version_of_the_lexicon_is_followed(caller: Any, lexicon: Any, until: Any) -> None:
    before = await caller.score("purusha and dhyāna and puruśa", validate_only=True)
    await lexicon.put("dhyāna", "puruṣa")
    await until(caller, "lexiconVersions/2")
    after = await caller.score("purusha and dhyāna and puruśa", validate_only=True)
    assert before.violation_count == 0
    assert [violation.description for violation in after.violations] == ["canonical spelling is puruṣa"]


async def test_without_a_lexicon_it_scores_by_structure_and_says_so(replicas: Any) -> None:
    alone = await replicas.start(similarity_addresses=("127.0.0.1:9",), redis_url=None)
    report = await alone.score("the dhyāna")
    assert report.degraded
    assert report.lexicon_version == ""
    assert report.name


async def test_without_redis_it_scores_all_the_same(replicas: Any, until: Any) -> None:
    alone = await replicas.start(redis_url="redis://127.0.0.1:9/0")
    await until(alone)
    assert (await alone.score(CLEAN)).scores.academic_score == 1.0


async def _names(caller: Any, **query: Any) -> list[str]:
    names: list[str] = []
    token = ""
    while True:
        page = await caller.call("ListReports", pb.ListReportsRequest(page_token=token, **query))
        assert len(page.reports) <= query["page_size"]
        names.extend(report.name for report in page.reports)
        token = page.next_page_token
        if not token:
            return names


async def _code(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value.code()
