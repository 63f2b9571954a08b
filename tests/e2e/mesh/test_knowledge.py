"""A term that the glossary lacks, garbled in ten files: two experts agree, and nobody has to say it again."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
from shodhana.api.identity.v1 import identity_pb2
from shodhana.api.review.v1 import knowledge_pb2, review_pb2
from shodhana.api.similarity.v1 import lexicon_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2
from shodhana.review.domain.rescoring import is_sampled
from shodhana_client.client import Client

from .conftest import wait_for

TERM, GARBLED = "kuṭīcaka", "kutichaka"
SAYINGS = (
    "So he lived as a {} near the house of his son.",
    "The first of the four orders is the {}, who begs at home.",
    "You may call such a man a {} if you like.",
    "And the {} keeps his sacred thread.",
    "Nobody had seen a {} in that village for years.",
    "Then comes the {}, and after him the others.",
    "A {} does not wander.",
    "They asked what makes a {} different.",
    "My uncle became a {} late in his life.",
    "That is the path of the {}, quiet and slow.",
)
SHARE = 0.1  # of what passes an expert sees all the same
PATIENCE_S = 300  # how soon it is to be is measured elsewhere: tests/load/bench_knowledge.py


@dataclass(frozen=True, slots=True)
class People:
    """An administrator and two experts, each with a client of their own."""

    admin: Client
    experts: tuple[Client, Client]


@pytest.fixture
def people(mesh: Any) -> Iterator[People]:
    with ExitStack() as stack:
        admin = stack.enter_context(Client(mesh.profile))
        experts = [stack.enter_context(Client(replace(mesh.profile, **_expert(admin)))) for _ in range(2)]
        yield People(admin, (experts[0], experts[1]))


def _expert(admin: Client) -> dict[str, str]:
    name = f"expert-{uuid.uuid4().hex[:12]}"
    account = identity_pb2.ServiceAccount(roles=["expert_linguist"])
    request = identity_pb2.CreateServiceAccountRequest(service_account_id=name, service_account=account)
    return {"client_id": name, "client_secret": admin.users.CreateServiceAccount(request).client_secret}


def test_what_two_experts_agree_on_is_known_from_then_on_and_forgotten_when_taken_back(people: People) -> None:
    admin, names = people.admin, [f"order-{uuid.uuid4().hex[:8]}-{number}.txt" for number in range(len(SAYINGS))]
    before = lexicon(admin)
    assert corrected(admin) == GARBLED
    job = corrected_job(admin, names)
    first = cases(admin, names)
    assert TERM not in {suggestion.term for case in first for suggestion in case.suggestions}

    decide(people.experts[0], first[0])
    wait_for(lambda: bool(proposals(admin)), PATIENCE_S, "the proposal")
    assert reach(admin).same_words_count >= len(names) - 1
    assert lexicon(admin) == before, "one expert alone changes nothing"
    decide(people.experts[1], first[1])
    wait_for(lambda: state(admin) == knowledge_pb2.PROPOSAL_STATE_LIVE, PATIENCE_S, "decision → active")
    learned = lexicon(admin)
    assert learned.supersedes == before.name
    assert len(learned.decisions) == 2

    wait_for(lambda: corrected(admin) == TERM, PATIENCE_S, "the next file is right")
    wait_for(lambda: passed(admin, names[2:]), PATIENCE_S, "the cases of the others are withdrawn")
    wait_for(lambda: flagged(admin, job) == [learned.name] * len(names), PATIENCE_S, "finished files are flagged")

    undo(people.experts[1], first[1])
    wait_for(lambda: lexicon(admin).content_hash == before.content_hash, PATIENCE_S, "undo publishes again")
    wait_for(lambda: corrected(admin) == GARBLED, PATIENCE_S, "the next file is as before")
    wait_for(lambda: as_before(admin, names[1:], first[1:]), PATIENCE_S, "the cases wait as before")
    wait_for(lambda: flagged(admin, job) == [""] * len(names), PATIENCE_S, "no file is flagged")
    undo(people.experts[0], first[0])
    wait_for(lambda: state(admin) == knowledge_pb2.PROPOSAL_STATE_WITHDRAWN, PATIENCE_S, "nobody stands for it")
    assert as_before(admin, names, first)


def corrected(admin: Client) -> str:
    """What the next file says where the term is garbled."""
    content = f"In old age he became a {GARBLED} and stayed with us.\n".encode()
    request = transcripts_pb2.CorrectTranscriptRequest(
        file=transcripts_pb2.TranscriptFile(filename="next.txt", content=content),
        options=transcripts_pb2.CorrectionOptions(validate_only=True),
    )
    return admin.transcripts.CorrectTranscript(request).content.decode().split(" became a ")[1].split(" and ")[0]


def corrected_job(admin: Client, names: Sequence[str]) -> str:
    files = [
        transcripts_pb2.TranscriptFile(filename=name, content=saying.format(GARBLED).encode())
        for name, saying in zip(names, SAYINGS, strict=True)
    ]
    options = transcripts_pb2.CorrectionOptions(suggest_threshold=0.1)  # doubtful whatever the models say of it
    job = admin.transcripts.CreateJob(transcripts_pb2.CreateJobRequest(files=files, options=options)).name
    request = transcripts_pb2.GetJobRequest(name=job)
    wait_for(lambda: admin.transcripts.GetJob(request).succeeded_count == len(names), PATIENCE_S, "the job")
    return job


def flagged(admin: Client, job: str) -> list[str]:
    """The versions by which the files are outdated."""
    files = admin.transcripts.ListJobFiles(transcripts_pb2.ListJobFilesRequest(parent=job)).files
    return [file.outdated_by for file in files]


def cases(admin: Client, names: Sequence[str]) -> list[review_pb2.ReviewCase]:
    """The case of each file, whatever its state."""
    states = [number for number in review_pb2.CaseState.values() if number]
    return [
        admin.review.ListCases(review_pb2.ListCasesRequest(filename=name, states=states)).cases[0] for name in names
    ]


def passed(admin: Client, names: Sequence[str]) -> bool:
    """Whether nobody has to look at the files' cases, but for the sample of what passes."""
    return all(
        case.suggestions[0].term == TERM
        if is_sampled(int(case.name.split("/")[1]), SHARE)
        else case.state == review_pb2.CASE_STATE_WITHDRAWN
        for case in cases(admin, names)
    )


def as_before(admin: Client, names: Sequence[str], first: Sequence[review_pb2.ReviewCase]) -> bool:
    now = cases(admin, names)
    for case in (*now, *first):
        case.ClearField("decision")  # decided and undone: that stays to be seen
    return now == list(first)


def decide(expert: Client, case: review_pb2.ReviewCase) -> None:
    request_id = str(uuid.uuid4())
    claim = review_pb2.ClaimCasesRequest(names=[case.name], request_id=request_id)
    [held] = expert.review.ClaimCases(claim).cases
    decision = review_pb2.DecideCaseRequest(
        name=case.name,
        fencing_token=held.lease.fencing_token,
        verdict=review_pb2.VERDICT_CORRECT,
        decided_text=TERM,
        comment="an ascetic of the first order, who lives near his home",
        request_id=str(uuid.uuid4()),
    )
    expert.review.DecideCase(decision)


def undo(expert: Client, case: review_pb2.ReviewCase) -> None:
    expert.review.UndoDecision(review_pb2.UndoDecisionRequest(name=case.name, request_id=str(uuid.uuid4())))


def lexicon(admin: Client) -> lexicon_pb2.LexiconVersion:
    return admin.lexicon.GetLexiconVersion(lexicon_pb2.GetLexiconVersionRequest(name="lexiconVersions/active"))


def proposals(admin: Client) -> Sequence[knowledge_pb2.LexiconProposal]:
    request = knowledge_pb2.ListLexiconProposalsRequest(heard=GARBLED)
    return admin.knowledge.ListLexiconProposals(request).proposals


def state(admin: Client) -> int:
    return proposals(admin)[0].state


def reach(admin: Client) -> knowledge_pb2.ProposalReach:
    request = knowledge_pb2.PreviewLexiconProposalRequest(name=proposals(admin)[0].name)
    return admin.knowledge.PreviewLexiconProposal(request)
