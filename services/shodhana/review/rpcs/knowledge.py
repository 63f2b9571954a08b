"""Proposals, publications and what they bring."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration

from shodhana.api.review.v1 import knowledge_pb2 as pb
from shodhana.api.review.v1 import review_pb2
from shodhana.runtime.pages import encode_page_token
from shodhana.runtime.timestamps import duration, timestamp

from ..domain.cases import Answer, Verdict
from ..domain.proposals import Pair, Proposal, ProposalQuery, ProposalState, Resolution, Support, proposed
from ..domain.publications import PublicationRecord, PublicationState
from .base import DEFAULT_PAGE, Rpcs, caller
from .figures import DEFAULT_DAYS
from .queue import new_case
from .reading import position
from .translation import case_message, case_name, undo_deadline

DEFAULT_PAIRS = 100
STATES = {state: getattr(pb, f"PROPOSAL_STATE_{state.name}") for state in ProposalState}
STATES_BY_NUMBER = {number: state for state, number in STATES.items()}
KINDS = {
    "": pb.PROPOSAL_KIND_UNSPECIFIED,
    "entry": pb.PROPOSAL_KIND_ENTRY,
    "alias": pb.PROPOSAL_KIND_ALIAS,
    "known": pb.PROPOSAL_KIND_KNOWN,
}
STEPS = {state: getattr(pb, f"PUBLICATION_STATE_{state.name}") for state in PublicationState}
RESOLUTIONS = {Resolution.APPROVE: pb.RESOLUTION_APPROVE, Resolution.REJECT: pb.RESOLUTION_REJECT}
RESOLUTIONS_BY_NUMBER = {number: resolution for resolution, number in RESOLUTIONS.items()}


class KnowledgeRpcs(Rpcs):
    """What decisions become."""

    async def ListLexiconProposals(
        self, request: pb.ListLexiconProposalsRequest, context: Any
    ) -> pb.ListLexiconProposalsResponse:
        size = request.page_size or DEFAULT_PAGE
        states = tuple(STATES_BY_NUMBER[number] for number in request.states)
        query = ProposalQuery(states, request.heard, position(request.page_token), size + 1)
        found = await self.ports.proposals.find(query)
        token = encode_page_token({"id": found[size - 1].proposal_id}) if len(found) > size else ""
        return pb.ListLexiconProposalsResponse(proposals=map(self._proposal, found[:size]), next_page_token=token)

    async def GetLexiconProposal(self, request: pb.GetLexiconProposalRequest, context: Any) -> pb.LexiconProposal:
        return self._proposal(await self.ports.proposals.proposal(_proposal_id(request.name)))

    async def ProposeLexiconEntry(
        self, request: pb.ProposeLexiconEntryRequest, context: Any
    ) -> pb.ProposeLexiconEntryResponse:
        pair = proposed(request.heard, request.term)
        case = await self.ports.queue.propose(new_case(_as_case(request, pair)), _as_answer(request, pair))
        window_s = self.settings.undo_window_s
        return pb.ProposeLexiconEntryResponse(
            review_case=case_message(case), undo_deadline=timestamp(undo_deadline(case, window_s))
        )

    async def PreviewLexiconProposal(self, request: pb.PreviewLexiconProposalRequest, context: Any) -> pb.ProposalReach:
        proposal = await self.ports.proposals.proposal(_proposal_id(request.name))
        reach = await self.ports.proposals.reach(proposal)
        return pb.ProposalReach(
            case_count=reach.case_count,
            same_words_count=reach.same_words_count,
            sample=map(case_name, reach.sample),
            file_count=await self.ports.files.count([proposal.heard]),
        )

    async def ResolveLexiconProposal(
        self, request: pb.ResolveLexiconProposalRequest, context: Any
    ) -> pb.LexiconProposal:
        resolution = RESOLUTIONS_BY_NUMBER[request.resolution]
        wanted = (_proposal_id(request.name), resolution, caller(), request.request_id)
        return self._proposal(await self.ports.proposals.resolve(*wanted))

    async def ListLexiconPublications(
        self, request: pb.ListLexiconPublicationsRequest, context: Any
    ) -> pb.ListLexiconPublicationsResponse:
        size = request.page_size or DEFAULT_PAGE
        found = await self.ports.publications.find(position(request.page_token), size + 1)
        token = encode_page_token({"id": found[size - 1].publication_id}) if len(found) > size else ""
        return pb.ListLexiconPublicationsResponse(publications=map(_publication, found[:size]), next_page_token=token)

    async def ListDecidedPairs(self, request: pb.ListDecidedPairsRequest, context: Any) -> pb.ListDecidedPairsResponse:
        size = request.page_size or DEFAULT_PAIRS
        found = await self.ports.proposals.pairs(position(request.page_token) or 0, size + 1)
        token = encode_page_token({"id": found[size - 1].proposal_id}) if len(found) > size else ""
        pairs = [
            pb.DecidedPair(
                heard=pair.heard,
                term=pair.term,
                expert_count=pair.expert_count,
                is_disputed=pair.is_disputed,
                suggested_probability=pair.suggested_probability,
            )
            for pair in found[:size]
        ]
        return pb.ListDecidedPairsResponse(pairs=pairs, next_page_token=token)

    async def GetKnowledgeStatistics(
        self, request: pb.GetKnowledgeStatisticsRequest, context: Any
    ) -> pb.KnowledgeStatistics:
        found = await self.ports.insight.knowledge(request.days or DEFAULT_DAYS)
        return pb.KnowledgeStatistics(
            repeat_error_rate=found.repeat_error_rate,
            auto_resolved_share=found.auto_resolved_share,
            overturn_rate=found.overturn_rate,
            decision_to_active_p50=_optional(found.active_p50_s),
            decision_to_active_p95=_optional(found.active_p95_s),
            calibration_error=found.calibration_error,
            calibration_count=found.decided_count,
            proposals=[
                pb.ProposalCount(state=STATES[state], proposal_count=count) for state, count in found.proposals.items()
            ],
            oldest_sla_share=found.oldest_sla_share,
        )

    def _proposal(self, proposal: Proposal) -> pb.LexiconProposal:
        resolution = proposal.resolution
        return pb.LexiconProposal(
            name=f"lexiconProposals/{proposal.proposal_id}",
            heard=proposal.heard,
            term=proposal.term,
            domain=proposal.domain,
            gloss=proposal.gloss,
            state=STATES[proposal.state],
            kind=KINDS[proposal.kind],
            reason=proposal.reason,
            supports=map(_support, proposal.supports),
            expert_count=proposal.expert_count,
            quorum=self.settings.quorum,
            lexicon_version=proposal.lexicon_version,
            resolution=RESOLUTIONS[resolution] if resolution else pb.RESOLUTION_UNSPECIFIED,
            resolver=proposal.resolver,
            create_time=timestamp(proposal.created_at),
            update_time=timestamp(proposal.updated_at),
        )


def _proposal_id(name: str) -> int:
    return int(name.removeprefix("lexiconProposals/"))


def _as_case(request: pb.ProposeLexiconEntryRequest, pair: Pair) -> review_pb2.NewCase:
    """The case that tells another expert what is proposed."""
    suggestion = review_pb2.Suggestion(
        term=pair.term, domain=request.domain, gloss=request.gloss, reasons=["proposed by an expert"]
    )
    start = max(request.context.find(request.heard), 0)
    return review_pb2.NewCase(
        domain=request.domain,
        heard=pair.heard,
        context=request.context,
        context_start=start,
        context_end=start + len(request.heard) if request.heard in request.context else start,
        suggestions=[suggestion],
        reads=2,
    )


def _as_answer(request: pb.ProposeLexiconEntryRequest, pair: Pair) -> Answer:
    return Answer(
        case_id=0,
        fence=0,
        verdict=Verdict.CORRECT,
        decision_type="lexicon_correction",
        decided_text=pair.term,
        decided_term=pair.term,
        comment=request.gloss,
        expert=caller(),
        request_id=request.request_id,
    )


def _support(support: Support) -> pb.ProposalSupport:
    return pb.ProposalSupport(
        decision=f"{case_name(support.case_id)}/decisions/{support.decision_id}",
        expert=support.expert,
        is_adjudication=support.is_adjudication,
        create_time=timestamp(support.created_at),
    )


def _publication(record: PublicationRecord) -> pb.LexiconPublication:
    waited = (record.active_at - record.decided_at).total_seconds() if record.active_at else None
    return pb.LexiconPublication(
        name=f"lexiconPublications/{record.publication_id}",
        state=STEPS[record.state],
        lexicon_version=record.lexicon_version,
        added=[f"lexiconProposals/{number}" for number in record.added],
        removed=[f"lexiconProposals/{number}" for number in record.removed],
        reason=record.reason,
        canary_count=record.canary_count,
        canary_right_before_count=record.canary_right_before,
        canary_right_count=record.canary_right,
        refreshed_count=record.refreshed_count,
        withdrawn_count=record.withdrawn_count,
        restored_count=record.restored_count,
        file_count=record.file_count,
        create_time=timestamp(record.created_at),
        active_time=timestamp(record.active_at),
        decision_to_active=_optional(waited),
    )


def _optional(seconds: float | None) -> Duration | None:
    return None if seconds is None else duration(seconds)
