"""Users and service accounts are kept, and only by those who may."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from shodhana.api.identity.v1 import identity_pb2 as pb

CODE = grpc.StatusCode


def user(email: str = "expert@example.org", **fields: Any) -> pb.User:
    return pb.User(email=email, **{"roles": ["expert_linguist"], "display_name": "An expert", **fields})


async def test_each_call_needs_the_permission_to_manage_users(identity: Any, refusal: Any) -> None:
    viewer = await identity.users("local-viewer", "another-of-the-tests")
    account = pb.ServiceAccount(roles=["viewer"])
    calls = {
        "CreateServiceAccount": pb.CreateServiceAccountRequest(service_account_id="abc", service_account=account),
        "ListServiceAccounts": pb.ListServiceAccountsRequest(),
        "DeleteServiceAccount": pb.DeleteServiceAccountRequest(name="serviceAccounts/local-admin"),
        "CreateUser": pb.CreateUserRequest(user=user()),
        "GetUser": pb.GetUserRequest(name="users/1"),
        "ListUsers": pb.ListUsersRequest(),
        "BatchGetProfiles": pb.BatchGetProfilesRequest(names=["users/1"]),
        "UpdateUser": pb.UpdateUserRequest(user=pb.User(name="users/1", roles=["admin"])),
        "GrantRole": pb.GrantRoleRequest(name="users/1", role="admin"),
        "RevokeRole": pb.RevokeRoleRequest(name="users/1", role="admin"),
        "LogOutUser": pb.LogOutUserRequest(name="users/1"),
    }
    assert set(calls) == {method.name for method in pb.DESCRIPTOR.services_by_name["UserService"].methods}
    for method, request in calls.items():
        assert await refusal(getattr(viewer, method)(request)) == (CODE.PERMISSION_DENIED, "PERMISSION_MISSING")
    admin = await identity.users()
    assert len((await admin.ListServiceAccounts(pb.ListServiceAccountsRequest())).service_accounts) == 2


async def test_who_reads_reviews_is_told_names_and_nothing_else(identity: Any, refusal: Any) -> None:
    admin = await identity.users()
    one, other = [
        (await admin.CreateUser(pb.CreateUserRequest(user=user(f"{name}@example.org")))).name for name in "ab"
    ]
    found = await admin.BatchGetProfiles(pb.BatchGetProfilesRequest(names=[other, "users/999999999", one]))
    assert found.profiles == [pb.Profile(name=name, display_name="An expert") for name in (other, one)]
    for names in ([], ["serviceAccounts/importer"], ["users/1"] * 101):
        asked = admin.BatchGetProfiles(pb.BatchGetProfilesRequest(names=names))
        assert (await refusal(asked))[0] is CODE.INVALID_ARGUMENT


async def test_a_service_account_lives_and_ends(identity: Any, refusal: Any) -> None:
    admin = await identity.users()
    account = pb.ServiceAccount(roles=["processor", "viewer"])
    request = pb.CreateServiceAccountRequest(service_account_id="importer", service_account=account)
    made = await admin.CreateServiceAccount(request)
    assert made.service_account.name == "serviceAccounts/importer"
    assert (await identity.issue("importer", made.client_secret)).access_token
    assert await refusal(admin.CreateServiceAccount(request)) == (CODE.ALREADY_EXISTS, "RESOURCE_EXISTS")
    await admin.DeleteServiceAccount(pb.DeleteServiceAccountRequest(name="serviceAccounts/importer"))
    assert (await refusal(identity.issue("importer", made.client_secret)))[0] is CODE.UNAUTHENTICATED
    again = admin.DeleteServiceAccount(pb.DeleteServiceAccountRequest(name="serviceAccounts/importer"))
    assert await refusal(again) == (CODE.NOT_FOUND, "RESOURCE_NOT_FOUND")


async def test_a_removal_sent_twice_is_done_once(identity: Any, refusal: Any, new_id: str) -> None:
    admin = await identity.users()
    account = pb.ServiceAccount(roles=["viewer"])
    await admin.CreateServiceAccount(
        pb.CreateServiceAccountRequest(service_account_id="importer", service_account=account)
    )
    request = pb.DeleteServiceAccountRequest(name="serviceAccounts/importer", request_id=new_id)
    for _ in range(2):
        await admin.DeleteServiceAccount(request)
    other = pb.DeleteServiceAccountRequest(name="serviceAccounts/local-viewer", request_id=new_id)
    assert await refusal(admin.DeleteServiceAccount(other)) == (CODE.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert (await identity.issue("local-viewer", "another-of-the-tests")).access_token


async def test_a_removal_that_failed_may_be_sent_again(identity: Any, refusal: Any, new_id: str) -> None:
    admin = await identity.users()
    request = pb.DeleteServiceAccountRequest(name="serviceAccounts/importer", request_id=new_id)
    for _ in range(2):
        assert (await refusal(admin.DeleteServiceAccount(request)))[0] is CODE.NOT_FOUND


async def test_a_user_is_made_once_however_often_it_is_asked_for(identity: Any, refusal: Any, new_id: str) -> None:
    admin = await identity.users()
    request = pb.CreateUserRequest(user=user(), request_id=new_id)
    made = await asyncio.gather(*(admin.CreateUser(request) for _ in range(5)))
    assert len({one.name for one in made}) == 1
    assert made[0] == await admin.GetUser(pb.GetUserRequest(name=made[0].name))
    assert (made[0].email, list(made[0].roles)) == ("expert@example.org", ["expert_linguist"])
    other = pb.CreateUserRequest(user=user("other@example.org"), request_id=new_id)
    assert await refusal(admin.CreateUser(other)) == (CODE.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert await refusal(admin.CreateUser(pb.CreateUserRequest(user=user()))) == (
        *(CODE.ALREADY_EXISTS, "RESOURCE_EXISTS"),
    )


async def test_the_mask_says_what_changes(identity: Any) -> None:
    admin = await identity.users()
    made = await admin.CreateUser(pb.CreateUserRequest(user=user()))
    changed = pb.User(name=made.name, display_name="", roles=["viewer"], disabled=True)
    for paths, expected in (
        (["disabled"], ("An expert", ["expert_linguist"], True)),
        (["display_name", "roles"], ("", ["viewer"], True)),
    ):
        request = pb.UpdateUserRequest(user=changed, update_mask=FieldMask(paths=paths))
        answer = await admin.UpdateUser(request)
        assert (answer.display_name, list(answer.roles), answer.disabled) == expected
    answer = await admin.UpdateUser(pb.UpdateUserRequest(user=pb.User(name=made.name, display_name="Set")))
    assert (answer.display_name, list(answer.roles), answer.disabled) == ("Set", ["viewer"], True)


async def test_a_change_sent_again_late_undoes_no_later_one(identity: Any, refusal: Any, new_id: str) -> None:
    admin = await identity.users()
    made = await admin.CreateUser(pb.CreateUserRequest(user=user()))
    first = pb.UpdateUserRequest(user=pb.User(name=made.name, display_name="First"), request_id=new_id)
    assert (await admin.UpdateUser(first)).display_name == "First"
    await admin.UpdateUser(pb.UpdateUserRequest(user=pb.User(name=made.name, display_name="Second")))
    assert (await admin.UpdateUser(first)).display_name == "Second"
    other = await admin.CreateUser(pb.CreateUserRequest(user=user("other@example.org")))
    reused = pb.UpdateUserRequest(user=pb.User(name=other.name, display_name="x"), request_id=new_id)
    assert await refusal(admin.UpdateUser(reused)) == (CODE.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_a_field_that_cannot_change_is_refused(identity: Any, refusal: Any) -> None:
    admin = await identity.users()
    made = await admin.CreateUser(pb.CreateUserRequest(user=user()))
    for path in ("email", "colour", "name", "create_time"):
        request = pb.UpdateUserRequest(user=pb.User(name=made.name), update_mask=FieldMask(paths=[path]))
        assert await refusal(admin.UpdateUser(request)) == (CODE.INVALID_ARGUMENT, "FIELD_MASK_INVALID")


async def test_bad_requests_are_refused(identity: Any, refusal: Any) -> None:
    admin = await identity.users()
    nobody = pb.User(name="users/999", disabled=True)
    for call, code in (
        (admin.GetUser(pb.GetUserRequest(name="users/999")), CODE.NOT_FOUND),
        (admin.GetUser(pb.GetUserRequest(name="users/x")), CODE.INVALID_ARGUMENT),
        (admin.UpdateUser(pb.UpdateUserRequest(user=nobody)), CODE.NOT_FOUND),
        (admin.UpdateUser(pb.UpdateUserRequest(user=pb.User(name="serviceAccounts/a"))), CODE.INVALID_ARGUMENT),
        (admin.CreateUser(pb.CreateUserRequest(user=pb.User(display_name="x"))), CODE.INVALID_ARGUMENT),
        (admin.CreateUser(pb.CreateUserRequest(user=user("no address"))), CODE.INVALID_ARGUMENT),
        (admin.CreateUser(pb.CreateUserRequest(user=user(roles=["emperor"]))), CODE.INVALID_ARGUMENT),
        (admin.CreateUser(pb.CreateUserRequest(user=user(), request_id="7")), CODE.INVALID_ARGUMENT),
        (admin.ListUsers(pb.ListUsersRequest(page_size=101)), CODE.INVALID_ARGUMENT),
        (admin.ListUsers(pb.ListUsersRequest(page_token="e30")), CODE.INVALID_ARGUMENT),
    ):
        assert (await refusal(call))[0] is code


async def test_users_are_listed_by_pages(identity: Any, refusal: Any) -> None:
    admin = await identity.users()
    emails = [f"user{number:02}@example.org" for number in range(7)]
    for email in emails:
        await admin.CreateUser(pb.CreateUserRequest(user=user(email)))
    found, token, pages = [], "", 0
    while True:
        page = await admin.ListUsers(pb.ListUsersRequest(page_size=3, page_token=token))
        found += [one.email for one in page.users]
        token, pages = page.next_page_token, pages + 1
        if not token:
            break
        other = pb.ListServiceAccountsRequest(page_token=token)
        assert await refusal(admin.ListServiceAccounts(other)) == (CODE.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
    assert (found, pages) == (emails, 3)


async def test_accounts_are_listed_without_secrets(identity: Any) -> None:
    admin = await identity.users()
    first = await admin.ListServiceAccounts(pb.ListServiceAccountsRequest(page_size=1))
    rest = await admin.ListServiceAccounts(pb.ListServiceAccountsRequest(page_token=first.next_page_token))
    names = [account.name for account in (*first.service_accounts, *rest.service_accounts)]
    assert names == ["serviceAccounts/local-admin", "serviceAccounts/local-viewer"]
    assert rest.next_page_token == ""
    assert "secret" not in str(first)


async def test_one_role_is_given_and_taken_without_touching_the_others(
    identity: Any, refusal: Any, new_id: str
) -> None:
    admin = await identity.users()
    made = await admin.CreateUser(pb.CreateUserRequest(user=user()))
    granted = await admin.GrantRole(pb.GrantRoleRequest(name=made.name, role="viewer"))
    assert list(granted.roles) == ["expert_linguist", "viewer"]
    assert list((await admin.GrantRole(pb.GrantRoleRequest(name=made.name, role="viewer"))).roles) == granted.roles
    taken = pb.RevokeRoleRequest(name=made.name, role="viewer", request_id=new_id)
    assert list((await admin.RevokeRole(taken)).roles) == ["expert_linguist"]
    await admin.GrantRole(pb.GrantRoleRequest(name=made.name, role="viewer"))
    assert "viewer" in (await admin.RevokeRole(taken)).roles  # a repeated request takes no later grant
    unknown = admin.GrantRole(pb.GrantRoleRequest(name=made.name, role="emperor"))
    assert await refusal(unknown) == (CODE.INVALID_ARGUMENT, "INVALID_INPUT")
    nobody = admin.GrantRole(pb.GrantRoleRequest(name="users/999", role="viewer"))
    assert await refusal(nobody) == (CODE.NOT_FOUND, "RESOURCE_NOT_FOUND")


async def test_the_last_administrator_stays_one(identity: Any, refusal: Any) -> None:
    admin = await identity.users()
    emails = ("first@example.org", "second@example.org")
    made = [await admin.CreateUser(pb.CreateUserRequest(user=user(email, roles=["admin"]))) for email in emails]
    takings = (admin.RevokeRole(pb.RevokeRoleRequest(name=one.name, role="admin")) for one in made)
    answers = await asyncio.gather(*takings, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert [one.code() for one in refused] == [CODE.FAILED_PRECONDITION], "of two at once one is refused"
    last = made[answers.index(refused[0])].name
    for change, path in (
        (pb.User(name=last, disabled=True), "disabled"),
        (pb.User(name=last, roles=["viewer"]), "roles"),
    ):
        update = pb.UpdateUserRequest(user=change, update_mask=FieldMask(paths=[path]))
        assert (await refusal(admin.UpdateUser(update)))[0] is CODE.FAILED_PRECONDITION
    found = await admin.GetUser(pb.GetUserRequest(name=last))
    assert (list(found.roles), found.disabled) == (["admin"], False)


async def test_two_grants_at_once_both_hold(identity: Any) -> None:
    admin = await identity.users()
    made = await admin.CreateUser(pb.CreateUserRequest(user=user(roles=[])))
    grants = (pb.GrantRoleRequest(name=made.name, role=role) for role in ("viewer", "processor", "admin"))
    await asyncio.gather(*map(admin.GrantRole, grants))
    found = await admin.GetUser(pb.GetUserRequest(name=made.name))
    assert list(found.roles) == ["admin", "processor", "viewer"]
