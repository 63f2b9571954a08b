"""Who may call: tokens that do not hold, permissions that are missing, keys that change."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from shodhana.api.identity.v1 import identity_pb2, identity_pb2_grpc
from shodhana.api.similarity.v1 import similarity_pb2 as pb
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.runtime import auth

REQUEST = pb.SearchRequest(query="bakti")
NOW = int(time.time())


async def refused(served: Any, authorization: str | None) -> tuple[grpc.StatusCode, error_details_pb2.ErrorInfo, str]:
    """Code, reason and message of a call with this header; the servicer must not have seen it."""
    metadata = (("authorization", authorization),) if authorization is not None else ()
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await served.similarity.Search(REQUEST, metadata=metadata, timeout=5)
    assert served.script.calls == []
    status = rpc_status.from_call(refusal.value)
    info = error_details_pb2.ErrorInfo()
    next(detail for detail in status.details if detail.Is(info.DESCRIPTOR)).Unpack(info)
    return refusal.value.code(), info, status.message


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW - 3600},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": NOW + 3600},
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sub": None},
    ],
    ids=["expired", "no-end", "word-end", "not-yet", "audience", "no-audience", "issuer", "no-issuer", "no-subject"],
)
async def test_a_token_whose_claims_do_not_hold_is_refused(served: Any, changes: dict[str, Any]) -> None:
    token = served.sign(["lexicon:read"], **changes)
    code, info, _ = await refused(served, f"Bearer {token}")
    assert (code, info.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


async def test_a_token_whose_claims_were_changed_is_refused(served: Any) -> None:
    header, _, signature = served.sign(["lexicon:read"]).split(".")
    other = served.sign(["users:manage", "lexicon:read"]).split(".")[1]
    code, info, _ = await refused(served, f"Bearer {header}.{other}.{signature}")
    assert (code, info.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


async def test_a_token_of_a_key_that_is_not_ours_is_refused(served: Any, signer: KeyFileSigner, tmp_path: Path) -> None:
    stranger = KeyFileSigner(tmp_path / "other.json", tmp_path / "other_jwks.json")
    code, _, _ = await refused(served, f"Bearer {served.sign(['lexicon:read'], stranger)}")
    assert code is grpc.StatusCode.UNAUTHENTICATED
    known = signer.public_keys()[0]["kid"]
    claims = jwt.decode(served.sign(["lexicon:read"]), ECKey.import_key(signer.public_keys()[0])).claims
    forged = jwt.encode({"alg": "ES256", "kid": known}, claims, ECKey.generate_key("P-256"))
    code, info, _ = await refused(served, f"Bearer {forged}")
    assert (code, info.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


async def test_neither_no_algorithm_nor_another_one_is_taken(served: Any, tmp_path: Path) -> None:
    payload = served.sign(["lexicon:read"]).split(".")[1]
    for algorithm in ("none", "None", "NONE"):
        code, _, _ = await refused(served, f"Bearer {segment({'alg': algorithm, 'typ': 'JWT'})}.{payload}.")
        assert code is grpc.StatusCode.UNAUTHENTICATED
    public = OctKey.import_key((tmp_path / "jwks.json").read_text())
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    symmetric = jwt.encode({"alg": "HS256"}, claims, public, algorithms=["HS256"])
    code, _, _ = await refused(served, f"Bearer {symmetric}")
    assert code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic dTpw", "bearer x.y.z", "Bearer x.y.z", "Bearer a.b", "Bearer " + "[" * 4000],
    ids=lambda header: repr(header)[:20],
)
async def test_what_is_no_token_is_refused(served: Any, header: str | None) -> None:
    code, info, _ = await refused(served, header)
    assert (code, info.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


@pytest.mark.parametrize("held", [[], ["lexicon:write"], ["lexicon:reader"], ["users:manage", "reports:read"]], ids=str)
async def test_a_missing_permission_is_named(served: Any, held: list[str]) -> None:
    code, info, message = await refused(served, f"Bearer {served.sign(held)}")
    assert (code, info.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    assert dict(info.metadata) == {"permission": "lexicon:read"}
    assert "serviceAccounts/tester" in message


@pytest.mark.parametrize("claimed", ["lexicon:read", {"lexicon:read": 1}, 7, None], ids=repr)
async def test_permissions_that_are_no_list_allow_nothing(served: Any, claimed: Any) -> None:
    code, _, _ = await refused(served, f"Bearer {served.sign([], permissions=claimed)}")
    assert code is grpc.StatusCode.PERMISSION_DENIED


async def test_with_the_permission_the_servicer_knows_who_calls(served: Any) -> None:
    seen: list[auth.Principal] = []

    async def search(request: Any, context: Any) -> pb.SearchResponse:
        seen.append(auth.principal())
        return pb.SearchResponse()

    served.script.search = search
    token = served.sign(["lexicon:read"], name="a tester", roles=["viewer"])
    for _ in range(2):  # verified, then known
        await served.similarity.Search(REQUEST, metadata=(("authorization", f"Bearer {token}"),))
    who = auth.Principal("serviceAccounts/tester", frozenset({"lexicon:read"}), ("viewer",), "a tester")
    assert seen == [who, who]


async def test_a_token_that_is_known_ends_all_the_same(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = served.metadata()
    await served.similarity.Search(REQUEST, metadata=metadata)
    served.script.calls.clear()
    now = time.time()
    monkeypatch.setattr(auth.time, "time", lambda: now + 600 + 2 * auth.CLOCK_SKEW_S)
    code, _, _ = await refused(served, metadata[0][1])
    assert code is grpc.StatusCode.UNAUTHENTICATED


async def test_public_rpcs_need_no_token(served: Any) -> None:
    async def issue(request: Any, context: Any) -> identity_pb2.IssueTokenResponse:
        assert auth.principal() == auth.ANONYMOUS
        return identity_pb2.IssueTokenResponse(access_token="t")

    served.script.issue_token = issue
    stub = identity_pb2_grpc.IdentityServiceStub(served.channel)
    answer = await stub.IssueToken(identity_pb2.IssueTokenRequest(client_id="local", client_secret="s"))
    assert answer.access_token == "t"


async def test_an_rpc_that_declares_no_permission_is_nobodys(serve: Any) -> None:
    served = await serve()

    async def answer(request: bytes, context: Any) -> bytes:
        raise AssertionError("must not be reached")

    handlers = {"Secret": grpc.unary_unary_rpc_method_handler(answer)}
    served.application.server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("shodhana.api.undeclared.v1.Service", handlers),)
    )
    undeclared = served.channel.unary_unary("/shodhana.api.undeclared.v1.Service/Secret")
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await undeclared(b"", metadata=served.metadata(), timeout=5)
    assert refusal.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_new_keys_are_followed_and_old_tokens_end_with_theirs(
    served: Any, signer: KeyFileSigner, tmp_path: Path
) -> None:
    old = served.metadata()
    await served.similarity.Search(REQUEST, metadata=old)
    own = json.loads((tmp_path / "key.json").read_text())
    KeyFileSigner(tmp_path / "fresh.json", tmp_path / "fresh_jwks.json")
    fresh = json.loads((tmp_path / "fresh.json").read_text())

    (tmp_path / "key.json").write_text(json.dumps({"keys": [fresh, own]}))  # the new one signs, both hold
    rotated = KeyFileSigner(tmp_path / "key.json", tmp_path / "jwks.json")
    new = (("authorization", f"Bearer {served.sign(['lexicon:read'], rotated)}"),)
    await served.similarity.Search(REQUEST, metadata=old)
    await served.similarity.Search(REQUEST, metadata=new)

    (tmp_path / "key.json").write_text(json.dumps(fresh))  # the old one is taken out
    KeyFileSigner(tmp_path / "key.json", tmp_path / "jwks.json")
    await served.similarity.Search(REQUEST, metadata=new)
    served.script.calls.clear()
    code, _, _ = await refused(served, old[0][1])
    assert code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "broken", ["", "{", "{}", "[]", '{"keys": []}', '{"keys": [{}]}', '{"keys": [{"kty": "EC"}]}', '{"keys": 1}']
)
async def test_a_broken_key_file_leaves_the_last_good_keys(served: Any, tmp_path: Path, broken: str) -> None:
    await served.similarity.Search(REQUEST, metadata=served.metadata())
    (tmp_path / "jwks.json").write_text(broken)
    await served.similarity.Search(REQUEST, metadata=served.metadata())
    (tmp_path / "jwks.json").unlink()
    await served.similarity.Search(REQUEST, metadata=served.metadata())


@pytest.mark.parametrize("broken", ["{}", "{", None])
async def test_without_any_keys_nobody_is_known(serve: Any, tmp_path: Path, broken: str | None) -> None:
    path = tmp_path / "none.json"
    if broken is not None:
        path.write_text(broken)
    served = await serve(jwks_path=path)
    code, _, message = await refused(served, served.metadata()[0][1])
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "no keys" in message
