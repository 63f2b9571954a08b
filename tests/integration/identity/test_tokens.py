"""Tokens for service accounts, and the keys they are verified with."""

from __future__ import annotations

import json
import time
from typing import Any

import grpc
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from shodhana.api.identity.v1 import identity_pb2 as pb

CODE = grpc.StatusCode


async def test_a_secret_is_exchanged_for_a_token_of_minutes_that_says_what_is_allowed(identity: Any) -> None:
    answer = await identity.issue()
    keys = await identity.tokens.GetJwks(pb.GetJwksRequest())
    served = [{field.name: value for field, value in key.ListFields()} for key in keys.keys]
    claims = jwt.decode(answer.access_token, KeySet.import_key_set({"keys": served}), algorithms=["ES256"]).claims
    assert served == json.loads((identity.folder / "jwks.json").read_text())["keys"]
    assert claims["sub"] == "serviceAccounts/local-admin"
    assert claims["roles"] == ["admin"]
    assert "users:manage" in claims["permissions"]
    assert claims["exp"] == answer.expire_time.seconds
    assert 60 <= claims["exp"] - time.time() <= 3600


@pytest.mark.parametrize(
    ("client_id", "secret"),
    [("local-admin", "wrong"), ("local-admin", "another-of-the-tests"), ("nobody", "secret-of-the-tests")],
)
async def test_which_half_is_wrong_is_not_told(identity: Any, refusal: Any, client_id: str, secret: str) -> None:
    assert await refusal(identity.issue(client_id, secret)) == (CODE.UNAUTHENTICATED, "CREDENTIALS_INVALID")


async def test_who_calls_can_ask_who_it_is(identity: Any) -> None:
    token = (await identity.issue()).access_token
    who = await identity.tokens.GetPrincipal(
        pb.GetPrincipalRequest(), metadata=(("authorization", f"Bearer {token}"),), timeout=10
    )
    assert (who.subject, list(who.roles)) == ("serviceAccounts/local-admin", ["admin"])
    assert "users:manage" in who.permissions
    assert list(who.permissions) == sorted(who.permissions)


async def test_roles_are_listed_by_pages(identity: Any, refusal: Any) -> None:
    metadata = (("authorization", f"Bearer {(await identity.issue()).access_token}"),)
    names, token = [], ""
    while True:
        request = pb.ListRolesRequest(page_size=3, page_token=token)
        page = await identity.tokens.ListRoles(request, metadata=metadata, timeout=10)
        assert len(page.roles) <= 3
        names += [role.role_id for role in page.roles]
        token = page.next_page_token
        if not token:
            break
    assert names == sorted(names)
    assert {"admin", "expert_linguist", "viewer"} <= set(names)
    whole = await identity.tokens.ListRoles(pb.ListRolesRequest(), metadata=metadata, timeout=10)
    assert [role.role_id for role in whole.roles] == names
    broken = identity.tokens.ListRoles(pb.ListRolesRequest(page_token="e30"), metadata=metadata, timeout=10)
    assert await refusal(broken) == (CODE.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


async def test_without_a_token_nobody_lists_roles(identity: Any, refusal: Any) -> None:
    call = identity.tokens.ListRoles(pb.ListRolesRequest(), timeout=10)
    assert await refusal(call) == (CODE.UNAUTHENTICATED, "TOKEN_INVALID")
