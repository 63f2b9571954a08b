"""Bad input gets a precise answer at the gateway, and loses nothing."""

from __future__ import annotations

import base64
import gzip
import time
import zlib
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey


def correct(mesh: Any, content: bytes, filename: str = "talk.srt") -> Any:
    body = {"file": {"filename": filename, "content": base64.b64encode(content).decode()}}
    with mesh.rest() as rest:
        return rest.post("/v1/transcripts:correct", json=body)


def bomb() -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join(compressor.compress(bytes(1_000_000)) for _ in range(200)) + compressor.flush()


@pytest.mark.parametrize(
    ("content", "status", "reason", "words"),
    [
        (b"1\n00:00:01,000 -> 00:00:02,000\nx\n", 400, "TRANSCRIPT_BROKEN", "line 2"),
        (b"1\n00:00:09,000 --> 00:00:02,000\nx\n", 400, "TRANSCRIPT_BROKEN", "ends before it starts"),
        ("1\n00:00:01,000 --> 00:00:02,000\né\n".encode("latin-1"), 400, "TRANSCRIPT_BROKEN", "not UTF-8"),
        ("1\n00:00:01,000 --> 00:00:02,000\na\u202eb\n".encode(), 400, "TEXT_REFUSED", "RIGHT-TO-LEFT OVERRIDE"),
        (b"", 400, "TRANSCRIPT_BROKEN", "empty"),
        (bomb(), 429, "FILE_TOO_LARGE", "20 MB"),
        (gzip.compress(b"x")[:-6], 400, "TRANSCRIPT_BROKEN", "gzip"),
    ],
    ids=["broken", "reversed", "encoding", "bidi", "empty", "bomb", "cut-gzip"],
)
def test_a_bad_file_is_refused_with_its_reason(mesh: Any, content: bytes, status: int, reason: str, words: str) -> None:
    answer = correct(mesh, content)
    assert answer.status_code == status, answer.text
    document = answer.json()
    assert words in document["message"]
    info = next(detail for detail in document["details"] if detail["@type"].endswith("ErrorInfo"))
    assert (info["reason"], info["domain"]) == (reason, "shodhana.api")


def test_a_file_of_50_mb_is_refused(mesh: Any) -> None:
    assert correct(mesh, b"a\n" * 25_000_000, "talk.txt").status_code in (413, 429)


def test_an_unknown_json_field_is_named(mesh: Any) -> None:
    with mesh.rest() as rest:
        answer = rest.post("/v1/terms:search", json={"query": "baki", "limmit": 3})
    assert answer.status_code == 400
    assert "limmit" in answer.text


def test_an_unknown_field_of_a_mask_is_named(mesh: Any) -> None:
    with mesh.rest() as rest:
        answer = rest.get("/v1/jobs/1", params={"readMask": "state,colour"})
    assert answer.status_code == 400
    assert "colour" in answer.text


def forged(mesh: Any, **changes: Any) -> str:
    """A token as ours would be, signed with another key."""
    now = int(time.time())
    claims = {
        "iss": "https://identity.shodhana.local",
        "aud": "shodhana",
        "sub": "serviceAccounts/local-admin",
        "permissions": ["transcripts:write", "lexicon:read"],
        "iat": now,
        "exp": now + 600,
    }
    key = ECKey.generate_key("P-256", auto_kid=True)
    return jwt.encode({"alg": "ES256", "kid": key.kid}, {**claims, **changes}, key)


def test_without_a_token_with_a_forged_and_with_a_cut_one_nothing_is_answered(mesh: Any) -> None:
    for token in ("", forged(mesh), mesh.token()[:-4], "x.y.z"):
        with mesh.rest(token) as rest:
            answer = rest.post("/v1/terms:search", json={"query": "baki"})
        assert answer.status_code == 401, (token[:10], answer.text)
        assert answer.json()["code"] == 16


def test_a_missing_permission_is_refused_at_the_gateway(mesh: Any) -> None:
    made = mesh.tool(
        *("rpc", "users", "create-service-account", "--service-account-id", f"viewer-{time.time_ns()}"),
        *("--service-account", '{"roles": ["viewer"]}'),
    ).stdout
    import json

    account = json.loads(made)
    client_id = account["service_account"]["name"].removeprefix("serviceAccounts/")
    body = {"client_id": client_id, "client_secret": account["client_secret"]}
    with mesh.rest("") as rest:
        token = rest.post("/v1/tokens:issue", json=body).json()["accessToken"]
    with mesh.rest(token) as rest:
        assert rest.get("/v1/qualityReports").status_code == 200
        refused = rest.post("/v1/jobs", json={"files": [{"filename": "a.txt", "content": "YQ=="}]})
    assert refused.status_code == 403
    assert refused.json()["code"] == 7


def test_wrong_credentials_do_not_say_which_half_is_wrong(mesh: Any) -> None:
    with mesh.rest("") as rest:
        answers = [
            rest.post("/v1/tokens:issue", json={"client_id": name, "client_secret": "wrong"})
            for name in ("local-admin", "nobody-at-all")
        ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json()["message"] == answers[1].json()["message"]
