"""REST over the gateway: transcoding, errors, streams, what is refused."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from conftest import Gateway

EMBED = "/v1/embeddings:embed"
REST_CAP = 32 * 1024 * 1024


def seen_by_the_service(answer: httpx.Response) -> dict[str, object]:
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = json.loads(answer.json()["modelFingerprint"])
    return found


def test_a_get_fills_the_name_from_the_path_and_prints_zero_values(rest: httpx.Client) -> None:
    job = rest.get("/v1/jobs/42").json()
    assert job["name"] == "jobs/42"
    assert job["fileCount"] == 3
    assert job["failedCount"] == 0


def test_a_body_with_snake_or_camel_case_names_is_read(rest: httpx.Client) -> None:
    for names in ({"display_name": "a"}, {"displayName": "a"}):
        content = base64.b64encode(b"text").decode()
        answer = rest.post("/v1/jobs", json={"files": [{"filename": "a.srt", "content": content}], **names})
        assert answer.json()["fileCount"] == 1, answer.text


def test_a_nested_name_in_the_path_and_a_partial_body_meet_in_one_message(rest: httpx.Client) -> None:
    answer = rest.patch("/v1/users/7", json={"displayName": "Vyāsa"})
    assert answer.json()["name"] == "users/7"
    assert answer.json()["displayName"] == "Vyāsa"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (EMBED, {"model": "m", "text": ["a"]}, "text"),
        ("/v1/jobs", {"files": [{"filename": "a", "contents": "YQ=="}]}, "files.contents"),
        ("/v1/jobs", {"files": [], "options": {"applyTreshold": 1}}, "options.applyTreshold"),
        ("/v1/jobs", {"files": [{}, {"content": "YQ==", "filename": 'a"b{', "x": 1}]}, "files.x"),
        ("/v1/jobs/1:cancel", {"reason": "none"}, "reason"),
    ],
)
def test_trap_1_an_unknown_json_field_is_named(
    rest: httpx.Client, path: str, body: dict[str, object], field: str
) -> None:
    answer = rest.post(path, json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["code"] == 3
    assert answer.json()["message"] == f'unknown field "{field}"'
    (violation,) = answer.json()["details"][1]["fieldViolations"]
    assert violation == {"field": field, "description": "the request has no such field"}


def test_trap_1_field_names_inside_texts_are_no_fields(rest: httpx.Client) -> None:
    text = 'he said: "unknown": {"a": [1, 2]} \\ " and } went {'
    assert seen_by_the_service(rest.post(EMBED, json={"model": "m", "texts": [text, text]}))["texts"] == 2


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=30) | st.sampled_from(
    ['"', "\\", '\\"', "}{", '":{"']
)
FILES = st.fixed_dictionaries({"filename": TEXTS, "content": st.just("YQ==")})
JOBS = st.fixed_dictionaries(
    {"files": st.lists(FILES, max_size=3), "displayName": TEXTS}, optional={"options": st.builds(dict)}
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    job=JOBS,
    place=st.sampled_from(["", "files", "options"]),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 2]),
)
def test_trap_1_whatever_the_texts_only_the_unknown_field_is_refused(
    rest: httpx.Client, job: dict[str, Any], place: str, ascii_only: bool, indent: int | None
) -> None:
    known = json.dumps(job, ensure_ascii=ascii_only, indent=indent)
    assert rest.post("/v1/jobs", content=known).status_code == 200
    target = job if not place else job.get(place)
    if isinstance(target, list):
        target = target[-1] if target else None
    if target is not None:
        target["stray"] = {"a": [1, {"b": None}]}
        answer = rest.post("/v1/jobs", content=json.dumps(job, ensure_ascii=ascii_only, indent=indent))
        assert answer.json()["message"] == f'unknown field "{f"{place}." if place else ""}stray"'


@pytest.mark.parametrize("body", ["", "[]", "null", '"a"', "{" * 500, "[" * 100_000, '{"a', "}}}}", '{"files": [}'])
def test_a_body_that_is_no_message_is_refused_as_bad_input(rest: httpx.Client, body: str) -> None:
    answer = rest.post("/v1/jobs", content=body)
    assert answer.status_code in {200, 400}
    assert answer.status_code == 400 or body in {"", "null"}


def test_trap_1_null_and_enum_numbers_pass_the_gateway(rest: httpx.Client) -> None:
    body = {"model": "m", "texts": ["a"], "truncation": 99, "prompt": None}
    assert seen_by_the_service(rest.post(EMBED, json=body))["truncation"] == 99


def test_an_unknown_query_parameter_is_refused(rest: httpx.Client) -> None:
    answer = rest.get("/v1/jobs", params={"pagesize": "3"})
    assert answer.status_code == 400
    assert "pagesize" in answer.json()["message"]


def test_broken_json_is_refused_as_a_status(rest: httpx.Client) -> None:
    answer = rest.post(EMBED, content='{"model": "m", "texts": [')
    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/x-ndjson", "application/x-ndjson"),
        ("text/event-stream", "text/event-stream"),
        ("*/*", "application/json"),
    ],
)
def test_trap_12_a_stream_is_written_as_the_caller_accepts(rest: httpx.Client, accept: str, content_type: str) -> None:
    answer = rest.get("/v1/jobs/1:watch", headers={"accept": accept})
    assert answer.headers["content-type"] == content_type
    text = answer.text
    frames = {
        "application/x-ndjson": lambda: [json.loads(line) for line in text.splitlines()],
        "text/event-stream": lambda: [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")],
        "*/*": lambda: json.loads(text),
    }[accept]()
    assert [next(iter(frame)) for frame in frames] == ["job", "job", "done"]


@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/event-stream", "*/*"])
def test_a_frame_arrives_while_the_stream_goes_on(rest: httpx.Client, accept: str) -> None:
    with rest.stream("GET", "/v1/jobs/8:watch", headers={"accept": accept}, timeout=10) as answer:
        assert '"succeededCount":1' in next(answer.iter_text())


def test_trap_2_a_stream_that_breaks_off_has_no_final_frame(rest: httpx.Client) -> None:
    answer = rest.get("/v1/jobs/9:watch", headers={"accept": "application/x-ndjson"})
    assert answer.status_code == 200
    frames = [json.loads(line) for line in answer.text.splitlines()]
    assert [next(iter(frame)) for frame in frames] == ["job", "job"]


def test_trap_3_a_service_sees_a_deadline_though_the_caller_sent_none(rest: httpx.Client) -> None:
    remaining_s = seen_by_the_service(rest.post(EMBED, json={"model": "m", "texts": ["a"]}))["remaining_s"]
    assert isinstance(remaining_s, float)
    assert 50 < remaining_s <= 60


def test_trap_3_a_shorter_deadline_of_the_caller_holds(rest: httpx.Client) -> None:
    answer = rest.post(EMBED, json={"model": "sleep", "texts": ["25"]}, headers={"grpc-timeout": "300m"})
    assert answer.status_code == 504
    assert answer.json()["code"] == 4
    assert answer.elapsed.total_seconds() < 20


def test_trap_3_a_longer_deadline_of_the_caller_is_cut(rest: httpx.Client) -> None:
    answer = rest.post(EMBED, json={"model": "m", "texts": ["a"]}, headers={"grpc-timeout": "1H"})
    remaining_s = seen_by_the_service(answer)["remaining_s"]
    assert isinstance(remaining_s, float)
    assert 50 < remaining_s <= 61


def test_trap_4_a_body_over_the_cap_is_refused_with_or_without_a_length(rest: httpx.Client) -> None:
    def chunks() -> object:
        yield b'{"model": "m", "texts": ["'
        for _ in range(REST_CAP // (1 << 20) + 1):
            yield b"a" * (1 << 20)

    for answer in (rest.post(EMBED, content=b"a" * (REST_CAP + 1)), rest.post(EMBED, content=chunks())):
        assert answer.status_code == 413
        assert answer.json()["code"] == 8
        assert answer.json()["details"][0]["reason"] == "LIMIT_EXCEEDED"


def test_a_file_of_20_mb_passes(rest: httpx.Client) -> None:
    content = base64.b64encode(b"a" * 20_000_000).decode()
    answer = rest.post("/v1/jobs", json={"files": [{"filename": "a.srt", "content": content}]})
    assert answer.status_code == 200, answer.text


def test_headers_over_the_cap_are_refused(rest: httpx.Client) -> None:
    assert rest.get("/v1/jobs", headers={"x-long": "a" * 40_000}).status_code == 431


def test_trap_5_the_gateways_own_errors_are_statuses_in_json(rest: httpx.Client) -> None:
    answer = rest.get("/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["code"] == 5
    assert answer.json()["details"][0]["reason"] == "RESOURCE_NOT_FOUND"
    assert answer.json()["details"][1]["requestId"] == answer.headers["x-request-id"]


def test_trap_6_a_wrong_method_is_not_found(rest: httpx.Client) -> None:
    assert rest.put("/v1/jobs/1").status_code == 404
    assert rest.get(EMBED).status_code == 404


@pytest.mark.parametrize("path", [EMBED, "/shodhana.api.embedding.v1.EmbeddingService/Embed"], ids=["rest", "grpc-web"])
def test_trap_6_the_preflight_of_an_allowed_origin_is_answered(rest: httpx.Client, path: str) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    del rest.headers["authorization"]
    answer = rest.options(path, headers={"origin": "https://dashboard.example", **asked})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://dashboard.example"
    assert {"authorization", "x-grpc-web"} <= set(answer.headers["access-control-allow-headers"].split(", "))
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    stranger = rest.options(path, headers={"origin": "https://evil.example", **asked})
    assert "access-control-allow-origin" not in stranger.headers


def test_an_allowed_origin_may_read_the_answer(rest: httpx.Client) -> None:
    answer = rest.get("/v1/jobs", headers={"origin": "https://dashboard.example"})
    assert answer.headers["access-control-allow-origin"] == "https://dashboard.example"
    assert "grpc-status" in answer.headers["access-control-expose-headers"]


def test_trap_10_the_details_of_a_services_error_reach_rest(rest: httpx.Client) -> None:
    answer = rest.post(EMBED, json={"model": "invalid", "texts": ["a"]})
    assert answer.status_code == 400
    status = answer.json()
    assert status["message"] == "a field breaks its rule"
    assert status["details"][0] == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "INVALID_INPUT",
        "domain": "shodhana.api",
        "metadata": {},
    }
    assert status["details"][1]["fieldViolations"][0]["field"] == "texts[0]"


def test_trap_12_headers_that_claim_an_identity_are_stripped(rest: httpx.Client) -> None:
    claimed = {"x-auth-subject": "root", "x-user-permissions": "all", "x-jwt-payload": "e30", "x-other": "kept"}
    seen = seen_by_the_service(rest.post(EMBED, json={"model": "m", "texts": ["a"]}, headers=claimed))["metadata"]
    assert isinstance(seen, dict)
    assert seen["x-other"] == "kept"
    assert not {"x-auth-subject", "x-user-permissions", "x-jwt-payload"} & set(seen)
    assert seen["authorization"].startswith("Bearer ")


def test_http_1_1_and_http_2_are_both_spoken(gateway: Gateway, rest: httpx.Client) -> None:
    assert rest.get("/v1/jobs").http_version == "HTTP/1.1"
    with gateway.client(http1=False, http2=True) as client:
        assert client.get("/v1/jobs").http_version == "HTTP/2"
