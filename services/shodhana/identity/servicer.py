"""Translates between the identity contract and the domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from shodhana.api.identity.v1 import identity_pb2 as pb
from shodhana.api.identity.v1 import identity_pb2_grpc as grpc_api
from shodhana.errors import FieldViolation, InvalidInput
from shodhana.runtime import auth
from shodhana.runtime.pages import DEFAULT_PAGE, decode_page_token, encode_page_token, page_of
from shodhana.runtime.timestamps import timestamp

from .domain.accounts import Accounts, ServiceAccount, User, UserChange, hash_secret, new_secret
from .domain.roles import ROLES, check_roles
from .domain.tokens import TokenIssuer
from .domain.tool_logins import INTERVAL_S, Grant, ToolLogins

CHANGEABLE = ("display_name", "roles", "disabled")


class FieldMaskInvalid(InvalidInput):
    """The mask names a field that does not exist or cannot be changed."""

    reason = "FIELD_MASK_INVALID"


@dataclass(frozen=True, slots=True)
class IdentityServicer(grpc_api.IdentityServiceServicer):
    """Tokens, keys and roles."""

    issuer: TokenIssuer
    tools: ToolLogins
    public_url: str

    async def IssueToken(self, request: pb.IssueTokenRequest, context: Any) -> pb.IssueTokenResponse:
        token = await self.issuer.issue(request.client_id, request.client_secret)
        return pb.IssueTokenResponse(access_token=token.text, expire_time=Timestamp(seconds=token.expires_at))

    async def StartDeviceLogin(self, request: pb.StartDeviceLoginRequest, context: Any) -> pb.StartDeviceLoginResponse:
        device = await self.tools.start_device(request.device_name)
        page = f"{self.public_url}/auth/device"
        return pb.StartDeviceLoginResponse(
            device_code=device.device_code,
            user_code=device.user_code,
            verification_uri=page,
            verification_uri_complete=f"{page}?user_code={device.user_code}",
            expire_time=Timestamp(seconds=int(device.expires_at)),
            interval_s=INTERVAL_S,
        )

    async def RedeemDeviceCode(self, request: pb.RedeemDeviceCodeRequest, context: Any) -> pb.LoginTokens:
        return self._tokens(*await self.tools.redeem_device(request.device_code))

    async def RedeemLoginCode(self, request: pb.RedeemLoginCodeRequest, context: Any) -> pb.LoginTokens:
        redeemed = await self.tools.redeem_code(request.code, request.code_verifier, request.redirect_uri)
        return self._tokens(*redeemed)

    async def RefreshLogin(self, request: pb.RefreshLoginRequest, context: Any) -> pb.LoginTokens:
        return self._tokens(*await self.tools.refresh(request.refresh_token))

    async def EndLogin(self, request: pb.EndLoginRequest, context: Any) -> pb.EndLoginResponse:
        await self.tools.end(request.refresh_token)
        return pb.EndLoginResponse()

    def _tokens(self, user: User, refresh_token: str, grant: Grant) -> pb.LoginTokens:
        token = self.issuer.token_for_user(user)
        return pb.LoginTokens(
            access_token=token.text,
            expire_time=Timestamp(seconds=token.expires_at),
            refresh_token=refresh_token,
            login_expire_time=Timestamp(seconds=int(grant.expires_at)),
        )

    async def GetJwks(self, request: pb.GetJwksRequest, context: Any) -> pb.GetJwksResponse:
        return pb.GetJwksResponse(keys=[pb.JsonWebKey(**key) for key in self.issuer.public_keys()])

    async def GetPrincipal(self, request: pb.GetPrincipalRequest, context: Any) -> pb.Principal:
        caller = auth.principal()
        permissions = sorted(caller.permissions)
        return pb.Principal(
            subject=caller.subject, display_name=caller.name, roles=caller.roles, permissions=permissions
        )

    async def ListRoles(self, request: pb.ListRolesRequest, context: Any) -> pb.ListRolesResponse:
        page, token = page_of(sorted(ROLES.items()), request.page_size, request.page_token)
        roles = [
            pb.Role(role_id=role.role_id, description=role.description, permissions=sorted(role.permissions))
            for _, role in page
        ]
        return pb.ListRolesResponse(roles=roles, next_page_token=token)


@dataclass(frozen=True, slots=True)
class UserServicer(grpc_api.UserServiceServicer):
    """Users and service accounts."""

    accounts: Accounts

    async def CreateServiceAccount(
        self, request: pb.CreateServiceAccountRequest, context: Any
    ) -> pb.CreateServiceAccountResponse:
        roles = check_roles(request.service_account.roles, "service_account.roles")
        secret = new_secret()
        account = await self.accounts.add_service_account(request.service_account_id, roles, hash_secret(secret))
        return pb.CreateServiceAccountResponse(service_account=_account(account), client_secret=secret)

    async def ListServiceAccounts(
        self, request: pb.ListServiceAccountsRequest, context: Any
    ) -> pb.ListServiceAccountsResponse:
        size = request.page_size or DEFAULT_PAGE
        after = str(decode_page_token(request.page_token).get("after", ""))
        found = await self.accounts.list_service_accounts(after, size + 1)
        token = encode_page_token({"after": found[size - 1].account_id}) if len(found) > size else ""
        return pb.ListServiceAccountsResponse(service_accounts=map(_account, found[:size]), next_page_token=token)

    async def DeleteServiceAccount(
        self, request: pb.DeleteServiceAccountRequest, context: Any
    ) -> pb.DeleteServiceAccountResponse:
        account_id = request.name.removeprefix("serviceAccounts/")
        await self.accounts.delete_service_account(account_id, request.request_id or None)
        return pb.DeleteServiceAccountResponse()

    async def CreateUser(self, request: pb.CreateUserRequest, context: Any) -> pb.User:
        user = request.user
        if not user.email:
            raise InvalidInput("user.email is missing", [FieldViolation("user.email", "must be given")])
        roles = check_roles(user.roles, "user.roles")
        return _user(await self.accounts.add_user(user.email, user.display_name, roles, request.request_id or None))

    async def GetUser(self, request: pb.GetUserRequest, context: Any) -> pb.User:
        return _user(await self.accounts.user(_user_id(request.name)))

    async def ListUsers(self, request: pb.ListUsersRequest, context: Any) -> pb.ListUsersResponse:
        size = request.page_size or DEFAULT_PAGE
        after = str(decode_page_token(request.page_token).get("after", ""))
        found = await self.accounts.list_users(after, size + 1)
        token = encode_page_token({"after": found[size - 1].email}) if len(found) > size else ""
        return pb.ListUsersResponse(users=map(_user, found[:size]), next_page_token=token)

    async def BatchGetProfiles(self, request: pb.BatchGetProfilesRequest, context: Any) -> pb.BatchGetProfilesResponse:
        user_ids = [_user_id(name) for name in request.names]
        found = await self.accounts.display_names(user_ids)
        profiles = [pb.Profile(name=f"users/{one}", display_name=found[one]) for one in user_ids if one in found]
        return pb.BatchGetProfilesResponse(profiles=profiles)

    async def UpdateUser(self, request: pb.UpdateUserRequest, context: Any) -> pb.User:
        paths = list(request.update_mask.paths) or _set_fields(request.user)
        unknown = [path for path in paths if path not in CHANGEABLE]
        if unknown:
            allowed = ", ".join(CHANGEABLE)
            violations = [FieldViolation("update_mask", f"{path!r} is none of {allowed}") for path in unknown]
            raise FieldMaskInvalid(f"cannot change {', '.join(unknown)}", violations)
        change = UserChange(
            display_name=request.user.display_name if "display_name" in paths else None,
            roles=check_roles(request.user.roles, "user.roles") if "roles" in paths else None,
            disabled=request.user.disabled if "disabled" in paths else None,
        )
        user_id = _user_id(request.user.name)
        return _user(await self.accounts.change_user(user_id, change, request.request_id or None))

    async def GrantRole(self, request: pb.GrantRoleRequest, context: Any) -> pb.User:
        (role,) = check_roles([request.role], "role")
        return _user(await self.accounts.grant_role(_user_id(request.name), role, request.request_id or None))

    async def RevokeRole(self, request: pb.RevokeRoleRequest, context: Any) -> pb.User:
        (role,) = check_roles([request.role], "role")
        return _user(await self.accounts.revoke_role(_user_id(request.name), role, request.request_id or None))

    async def LogOutUser(self, request: pb.LogOutUserRequest, context: Any) -> pb.LogOutUserResponse:
        await self.accounts.end_sessions(_user_id(request.name), request.request_id or None)
        return pb.LogOutUserResponse()


def _set_fields(user: pb.User) -> list[str]:
    return [field.name for field, _ in user.ListFields() if field.name in CHANGEABLE]


def _user_id(name: str) -> int:
    kind, _, number = name.partition("/")
    if kind != "users" or not number.isdecimal():
        raise InvalidInput(f"{name!r} is no user", [FieldViolation("user.name", "must be users/NUMBER")])
    return int(number)


def _account(account: ServiceAccount) -> pb.ServiceAccount:
    return pb.ServiceAccount(name=account.subject, roles=account.roles, create_time=timestamp(account.created_at))


def _user(user: User) -> pb.User:
    return pb.User(
        name=user.subject,
        email=user.email,
        display_name=user.display_name,
        roles=user.roles,
        disabled=user.disabled,
        create_time=timestamp(user.created_at),
        last_login_time=timestamp(user.last_login_at) if user.last_login_at else None,
    )
