"""`shodhana auth`: logging in, who is logged in, logging out."""

from __future__ import annotations

import platform
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from shodhana.api.identity.v1 import identity_pb2 as pb
from shodhana.api.identity.v1 import identity_pb2_grpc as grpc_api

from ..client import OPTIONS, encryption
from ..errors import LimitExceeded, ShodhanaError, error_of
from ..logins import StoredLogin, write_private
from ..loopback import LoopbackLogin
from ..profile import Profile, ProfileMissing, own_profile
from ..terminal import print_json, print_table
from ..tokens import tokens_of
from .session import EXIT_ERROR, EXIT_OK, complain, connected

CALL_S = 15.0
ANSWER_S = 5.0


def login(device: bool, gateway: tuple[str, Path | None], profile: Path | None) -> int:
    """Logs a person in; `gateway` is host:port with its authority, empty for the profile's."""
    try:
        found = _profile(gateway, profile)
        with identity(found) as stub:
            tokens = by_device(stub) if device else by_browser(stub, found)
    except grpc.RpcError as error:
        complain(error_of(error))
        return EXIT_ERROR
    except (ProfileMissing, ShodhanaError) as error:
        complain(error)
        return EXIT_ERROR
    if tokens is None:
        return EXIT_ERROR
    StoredLogin(found.gateway).write(tokens_of(tokens))
    if gateway[0]:
        write_private(own_profile(), _document(found))
    with connected(found) as client:
        who = client.identity.GetPrincipal(pb.GetPrincipalRequest())
    print(f"logged in to {found.gateway} as {who.display_name} ({', '.join(who.roles) or 'no roles yet'})")
    return EXIT_OK


def require_gateway(stub: Any) -> None:
    """Raises the error of a gateway that does not answer: a browser would open in vain, and the tool wait for it."""
    try:
        stub.GetPrincipal(pb.GetPrincipalRequest(), timeout=ANSWER_S)
    except grpc.RpcError as error:
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise error_of(error) from error  # any other answer is one: nobody is logged in yet


def by_browser(stub: Any, profile: Profile) -> pb.LoginTokens | None:
    """Through the browser of this machine."""
    require_gateway(stub)
    with LoopbackLogin() as waiting:
        address = waiting.address(profile.site)
        say(f"Opening the browser. Where none opens, go to:\n\n  {address}\n\nOn a machine without one: --device")
        webbrowser.open(address)
        code = waiting.code()
        if not code:
            say("error: nobody logged in")
            return None
        request = pb.RedeemLoginCodeRequest(
            code=code, code_verifier=waiting.verifier, redirect_uri=waiting.redirect_uri
        )
    answer: pb.LoginTokens = stub.RedeemLoginCode(request, timeout=CALL_S)
    return answer


def by_device(stub: Any) -> pb.LoginTokens | None:
    """Through a browser elsewhere."""
    device = stub.StartDeviceLogin(pb.StartDeviceLoginRequest(device_name=platform.node()[:100]), timeout=CALL_S)
    say(f"Open {device.verification_uri_complete}\nand confirm the code {device.user_code}")
    while time.time() < device.expire_time.seconds:
        try:
            answer: pb.LoginTokens = stub.RedeemDeviceCode(
                pb.RedeemDeviceCodeRequest(device_code=device.device_code), timeout=CALL_S
            )
            return answer
        except grpc.RpcError as error:
            failure = error_of(error)
            if failure.reason != "LOGIN_PENDING" and not isinstance(failure, LimitExceeded):
                raise
        time.sleep(device.interval_s)
    say("error: nobody confirmed the code")
    return None


def status(as_json: bool, profile: Path | None) -> int:
    """Who calls, and until when; exit code 4 where nobody is logged in."""
    with connected(profile) as client:
        who = client.identity.GetPrincipal(pb.GetPrincipalRequest())
        found = client.profile
    stored = StoredLogin.of(found.gateway)
    tokens = stored.read() if stored else None
    document = {
        "gateway": found.gateway,
        "subject": who.subject,
        "display_name": who.display_name,
        "roles": list(who.roles),
        "credentials": "log-in" if tokens else "service account",
        "login_expires_at": local_time(tokens.login_expires_at) if tokens else None,
    }
    if as_json:
        print_json(document)
    else:
        rows = [(name.replace("_", " "), _cell(value)) for name, value in document.items() if value]
        print_table(("", ""), rows)
    return EXIT_OK


def logout(profile: Path | None) -> int:
    """Ends the log-in here and at the mesh, which may be away."""
    try:
        found = Profile.find(profile)
    except ProfileMissing as error:
        complain(error)
        return EXIT_ERROR
    stored = StoredLogin(found.gateway)
    tokens = stored.read()
    if tokens is None:
        say(f"nobody is logged in at {found.gateway}")
        return EXIT_OK
    stored.remove()
    try:
        with identity(found) as stub:
            stub.EndLogin(pb.EndLoginRequest(refresh_token=tokens.refresh_token), timeout=CALL_S)
    except grpc.RpcError as error:
        complain(error_of(error), "logged out here, but not at the mesh")
        return EXIT_ERROR
    print(f"logged out of {found.gateway}")
    return EXIT_OK


@contextmanager
def identity(profile: Profile) -> Iterator[Any]:
    """The identity service, without a token."""
    with grpc.secure_channel(profile.gateway, encryption(profile), options=OPTIONS) as channel:
        yield grpc_api.IdentityServiceStub(channel)


def say(text: str) -> None:
    """On standard error: standard output is for what was asked for."""
    print(text, file=sys.stderr, flush=True)


def local_time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))


def _profile(gateway: tuple[str, Path | None], path: Path | None) -> Profile:
    address, authority = gateway
    if not address:
        return Profile.find(path)
    return Profile(gateway=address if ":" in address else f"{address}:443", ca_certificate=authority)


def _document(profile: Profile) -> dict[str, str]:
    authority = {"ca_certificate": str(profile.ca_certificate.resolve())} if profile.ca_certificate else {}
    return {"gateway": profile.gateway, **authority}


def _cell(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
