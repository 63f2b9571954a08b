"""The names of those who decided a case."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from shodhana.api.identity.v1 import identity_pb2
from shodhana.api.review.v1 import review_pb2 as pb

from ..client import Client
from ..errors import ShodhanaError
from .answers import CALL_S

USERS = "users/"


def name_experts(client: Client, cases: Iterable[pb.ReviewCase]) -> None:
    """Puts people's names for "users/12" in decisions, to be read; where they are not told it stays."""
    decisions = [decision for case in cases for decision in (*case.reads, case.decision)]
    wanted = sorted({decision.expert for decision in decisions if decision.expert.startswith(USERS)})
    if not wanted:
        return
    with suppress(ShodhanaError):
        request = identity_pb2.BatchGetProfilesRequest(names=wanted)
        found = client.users.BatchGetProfiles(request, timeout=CALL_S).profiles
        names = {profile.name: profile.display_name for profile in found if profile.display_name}
        for decision in decisions:
            if decision.expert in names:
                decision.expert = names[decision.expert]
