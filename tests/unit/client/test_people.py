"""Those who decided are called by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from shodhana.api.review.v1 import review_pb2 as pb
from shodhana_client import connect
from shodhana_client.profile import Profile
from shodhana_client.review.people import name_experts

if TYPE_CHECKING:
    from tests.unit.client.conftest import Gateway


def disputed() -> pb.ReviewCase:
    subjects = ("users/1", "users/2", "serviceAccounts/importer")
    reads = [pb.Decision(expert=subject) for subject in subjects]
    return pb.ReviewCase(reads=reads, decision=pb.Decision(expert="users/1"))


def experts(case: pb.ReviewCase) -> list[str]:
    return [decision.expert for decision in (*case.reads, case.decision)]


def test_people_are_named_who_are_known_and_others_stay(gateway: Gateway, profile: Profile) -> None:
    cases = [disputed(), disputed()]
    with connect(profile) as client:
        name_experts(client, cases)
    for case in cases:
        assert experts(case) == ["Reader users/1", "users/2", "serviceAccounts/importer", "Reader users/1"]
    assert gateway.names == ["BatchGetProfiles"]


def test_a_case_that_nobody_read_asks_for_nothing(gateway: Gateway, profile: Profile) -> None:
    case = pb.ReviewCase()
    with connect(profile) as client:
        name_experts(client, [case])
    assert (gateway.names, case) == ([], pb.ReviewCase())


def test_without_names_all_stays(gateway: Gateway, profile: Profile) -> None:
    gateway.fail(grpc.StatusCode.PERMISSION_DENIED)
    case = disputed()
    with connect(profile) as client:
        name_experts(client, [case])
    assert case == disputed()
