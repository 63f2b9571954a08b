"""Who may call what: tokens, permissions, and the keys that verify them."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from shodhana.api.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from shodhana.api.identity.v1 import identity_pb2, identity_pb2_grpc
from shodhana.api.transcripts.v1 import transcripts_pb2, transcripts_pb2_grpc

if TYPE_CHECKING:
    from conftest import Gateway

LONG_AGO = int(time.time()) - 3600


def call(gateway: Gateway, token: str, path: str = "/v1/jobs") -> httpx.Response:
    with gateway.client(token) as client:
        return client.get(path)


def refused(answer: httpx.Response, status: int, code: int, reason: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == code
    assert answer.json()["details"][0]["reason"] == reason
    message: str = answer.json()["message"]
    return message


def test_a_call_without_a_token_is_refused(gateway: Gateway) -> None:
    assert refused(call(gateway, ""), 401, 16, "TOKEN_INVALID") == "Jwt is missing"


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"exp": LONG_AGO}, "Jwt is expired"),
        ({"exp": None}, "Jwt verification fails"),
        ({"nbf": int(time.time()) + 3600}, "Jwt not yet valid"),
        ({"aud": "another"}, "Audiences in Jwt are not allowed"),
        ({"aud": None}, "Audiences in Jwt are not allowed"),
        ({"iss": "https://evil.example"}, "Jwt issuer is not configured"),
    ],
)
def test_a_token_that_does_not_hold_is_refused(gateway: Gateway, claims: dict[str, object], message: str) -> None:
    token = gateway.keys.token("transcripts:read", **claims)
    assert message in refused(call(gateway, token), 401, 16, "TOKEN_INVALID")


def claims() -> dict[str, object]:
    expires_at = int(time.time()) + 600
    usual = {"iss": "https://identity.shodhana.local", "aud": "shodhana", "sub": "root", "exp": expires_at}
    return {**usual, "permissions": ["transcripts:read"]}


def test_a_forged_token_is_refused(gateway: Gateway) -> None:
    stranger = ECKey.generate_key("P-256")
    forged = jwt.encode({"alg": "ES256", "kid": gateway.keys.signing.kid}, claims(), stranger)
    refused(call(gateway, forged), 401, 16, "TOKEN_INVALID")
    header, _, signature = gateway.keys.token("transcripts:read").split(".")
    changed = gateway.keys.token("users:manage").split(".")[1]
    refused(call(gateway, f"{header}.{changed}.{signature}"), 401, 16, "TOKEN_INVALID")


def test_a_token_of_another_algorithm_is_refused(gateway: Gateway) -> None:
    public = OctKey.import_key(gateway.keys.path.read_text())
    header = {"alg": "HS256", "kid": gateway.keys.signing.kid}
    refused(call(gateway, jwt.encode(header, claims(), public, algorithms=["HS256"])), 401, 16, "TOKEN_INVALID")


def test_a_token_without_a_signature_is_refused(gateway: Gateway) -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    payload = gateway.keys.token("transcripts:read").split(".")[1]
    refused(call(gateway, f"{header}.{payload}."), 401, 16, "TOKEN_INVALID")


def test_a_missing_permission_is_named(gateway: Gateway) -> None:
    answer = call(gateway, gateway.keys.token("transcripts:write", "reviews:read"))
    assert refused(answer, 403, 7, "PERMISSION_MISSING") == "the token lacks permission transcripts:read"
    assert answer.json()["details"][0]["metadata"] == {"permission": "transcripts:read"}


def test_a_permission_holds_only_as_a_whole_word(gateway: Gateway) -> None:
    for claimed in (["transcripts:reader"], "transcripts:read", [["transcripts:read"]], [], None):
        refused(call(gateway, gateway.keys.token(permissions=claimed)), 403, 7, "PERMISSION_MISSING")


def test_a_held_permission_opens(gateway: Gateway) -> None:
    assert call(gateway, gateway.keys.token("transcripts:read")).status_code == 200


def test_public_rpcs_need_no_token_and_authenticated_ones_any(gateway: Gateway) -> None:
    assert call(gateway, "", "/v1/jwks").status_code == 200
    refused(call(gateway, "", "/v1/principal"), 401, 16, "TOKEN_INVALID")
    assert call(gateway, gateway.keys.token(), "/v1/principal").status_code == 200


async def test_native_grpc_meets_the_same_rules(gateway: Gateway) -> None:
    async with gateway.channel() as channel:
        jobs = transcripts_pb2_grpc.TranscriptServiceStub(channel)
        keys = identity_pb2_grpc.IdentityServiceStub(channel)
        assert (await keys.GetJwks(identity_pb2.GetJwksRequest())).keys
        answer = await jobs.ListJobs(transcripts_pb2.ListJobsRequest(), metadata=gateway.metadata("transcripts:read"))
        assert answer.jobs[0].name == "jobs/1"
        for metadata, code, words in (
            ((), grpc.StatusCode.UNAUTHENTICATED, "Jwt is missing"),
            (gateway.metadata("users:manage"), grpc.StatusCode.PERMISSION_DENIED, "lacks permission transcripts:read"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await jobs.ListJobs(transcripts_pb2.ListJobsRequest(), metadata=metadata)
            assert refusal.value.code() is code
            assert words in str(refusal.value.details())  # trap 5: words, not a JSON document


async def test_what_no_contract_names_is_denied(gateway: Gateway) -> None:
    async with gateway.channel() as channel:
        for path in ("/shodhana.api.embedding.v1.EmbeddingService/Delete", "/grpc.health.v1.Health/Check", "/a.B/C"):
            unknown = channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await unknown(b"", metadata=gateway.metadata())
            assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_two_way_stream_passes(gateway: Gateway) -> None:
    async with gateway.channel() as channel:
        stream = embedding_pb2_grpc.EmbeddingServiceStub(channel).EmbedStream(metadata=gateway.metadata())
        for number in range(3):
            await stream.write(embedding_pb2.EmbedStreamRequest(batch_id=str(number)))
            assert (await stream.read()).batch_id == str(number)
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF


def test_grpc_web_is_spoken(gateway: Gateway) -> None:
    request = transcripts_pb2.GetJobRequest(name="jobs/5").SerializeToString()
    frame = b"\0" + len(request).to_bytes(4, "big") + request
    headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    path = "/shodhana.api.transcripts.v1.TranscriptService/GetJob"
    with gateway.client() as client:
        body = client.post(path, content=frame, headers=headers).content
    with gateway.client("") as client:
        refusal = client.post(path, content=frame, headers=headers)
    length = int.from_bytes(body[1:5], "big")
    assert transcripts_pb2.Job.FromString(body[5 : 5 + length]).name == "jobs/5"
    assert b"grpc-status:0" in body[5 + length :]
    assert refusal.headers["grpc-status"] == "16"


def test_new_keys_are_followed_without_a_restart(own_gateway: Gateway) -> None:
    stranger = type(own_gateway.keys)(own_gateway.keys.path)
    old = own_gateway.keys.token("transcripts:read")
    assert call(own_gateway, old).status_code == 200
    assert call(own_gateway, stranger.token("transcripts:read")).status_code == 401
    stranger.publish()
    ends_at = time.monotonic() + 60
    while call(own_gateway, stranger.token("transcripts:read")).status_code != 200:
        assert time.monotonic() < ends_at, "the new keys were not read"
        time.sleep(0.1)
    ends_at = time.monotonic() + 60
    while call(own_gateway, own_gateway.keys.token("transcripts:read")).status_code != 401:
        assert time.monotonic() < ends_at, "the old keys still hold"
        time.sleep(0.1)
