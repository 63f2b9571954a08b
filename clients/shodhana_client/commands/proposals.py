"""`shodhana lexicon proposals`."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

from shodhana.api.review.v1 import knowledge_pb2 as pb

from ..terminal import print_json, print_table
from .lexicon import document
from .session import connected

MOST_A_PAGE = 100


def list_proposals(states: tuple[str, ...], heard: str, limit: int, as_json: bool, profile: Path | None) -> int:
    """Proposals, newest first."""
    numbers = [pb.ProposalState.Value(f"PROPOSAL_STATE_{state.upper()}") for state in states]
    found: list[pb.LexiconProposal] = []
    request = pb.ListLexiconProposalsRequest(states=numbers, heard=heard)
    with connected(profile) as client:
        while len(found) < limit:
            request.page_size = min(MOST_A_PAGE, limit - len(found))
            answer = client.knowledge.ListLexiconProposals(request)
            found.extend(answer.proposals)
            request.page_token = answer.next_page_token
            if not request.page_token:
                break
    if as_json:
        print_json([document(proposal) for proposal in found])
        return 0
    print_table(("proposal", "heard", "term", "support", "state", "lexicon", "why"), [_row(one) for one in found])
    if not found:
        print("no proposals: they come of decisions that accept, correct or reject a case", file=sys.stderr)
    return 0


def propose(pair: tuple[str, str], domain: str, gloss: str, context: str, profile: Path | None) -> int:
    """Proposes outright that the first of a pair stands for the second."""
    heard, term = pair
    request = pb.ProposeLexiconEntryRequest(
        heard=heard, term=term, domain=domain, gloss=gloss, context=context, request_id=str(uuid.uuid4())
    )
    with connected(profile) as client:
        case = client.knowledge.ProposeLexiconEntry(request).review_case
    undo = f"shodhana rpc review undo-decision --name {case.name}"
    print(f"proposed: {case.heard} → {case.decision.decided_term}; another expert reads it next ({undo} takes it back)")
    return 0


def _row(proposal: pb.LexiconProposal) -> tuple[str, ...]:
    adjudicated = proposal.resolver or any(one.is_adjudication for one in proposal.supports)
    return (
        proposal.name.rpartition("/")[2],
        proposal.heard,
        proposal.term or "(no term)",
        f"{proposal.expert_count} of {proposal.quorum}" + (", adjudicated" if adjudicated else ""),
        pb.ProposalState.Name(proposal.state).removeprefix("PROPOSAL_STATE_").lower(),
        proposal.lexicon_version.rpartition("/")[2],
        proposal.reason,
    )
