"""Cases, decisions and leases as the contract has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.runtime.timestamps import timestamp

from ..domain.cases import Case, Decision, FirstSuggestion, Lease, State, Verdict

STATES = {state: getattr(pb, f"CASE_STATE_{state.name}") for state in State}
STATES_BY_NUMBER = {number: state for state, number in STATES.items()}
VERDICTS = {verdict: getattr(pb, f"VERDICT_{verdict.name}") for verdict in Verdict}
VERDICTS_BY_NUMBER = {number: verdict for verdict, number in VERDICTS.items()}


def case_id_of(name: str) -> int:
    """678 for "reviewCases/678"."""
    return int(name.removeprefix("reviewCases/"))


def case_name(case_id: int) -> str:
    """ "reviewCases/678"."""
    return f"reviewCases/{case_id}"


def decision_type(number: int) -> str:
    """The domain's word for a kind of decision; a correction of the lexicon where none is given."""
    name = pb.DecisionType.Name(pb.DecisionType.ValueType(number or pb.DECISION_TYPE_LEXICON_CORRECTION))
    return name.removeprefix("DECISION_TYPE_").lower()


def first_suggestion(suggestions: Sequence[pb.Suggestion]) -> FirstSuggestion:
    """What accepting means."""
    if not suggestions:
        return FirstSuggestion()
    first = suggestions[0]
    return FirstSuggestion(first.text or first.term, first.term, first.probability)


def case_message(case: Case, subject: str = "") -> pb.ReviewCase:
    """The case; what its readers decided is told to the `subject` who holds it alone."""
    new = pb.NewCase.FromString(case.body)
    message = pb.ReviewCase(
        name=case_name(case.case_id),
        state=STATES[case.state],
        domain=case.domain,
        heard=new.heard,
        context=new.context,
        context_start=new.context_start,
        context_end=new.context_end,
        suggestions=new.suggestions,
        filename=new.filename,
        cue=new.cue,
        start=new.start,
        end=new.end,
        lexicon_version=new.lexicon_version,
        create_time=timestamp(case.created_at),
        due_time=timestamp(case.due_at),
        holder=case.holder or "",
    )
    if new.HasField("start_ms"):
        message.start_ms = new.start_ms
    if case.decision:
        message.decision.CopyFrom(decision_message(case.decision, new.suggestions))
    if case.holder and case.holder == subject:
        message.reads.extend(decision_message(read, new.suggestions) for read in case.reads)
    return message


def decision_message(decision: Decision, suggestions: Sequence[pb.Suggestion]) -> pb.Decision:
    """The decision, with the headword that it means."""
    return pb.Decision(
        name=f"{case_name(decision.case_id)}/decisions/{decision.decision_id}",
        verdict=VERDICTS[decision.verdict],
        decision_type=getattr(pb, f"DECISION_TYPE_{decision.decision_type.upper()}"),
        decided_text=decision.decided_text,
        decided_term=decision.decided_term or _term_of(decision.decided_text, suggestions),
        comment=decision.comment,
        expert=decision.expert,
        create_time=timestamp(decision.created_at),
        undo_time=timestamp(decision.undone_at),
        undone_by=decision.undone_by or "",
        is_adjudication=decision.was_disputed and decision.verdict.is_final,
        bulk_decision=f"bulkDecisions/{decision.bulk_id}" if decision.bulk_id else "",
    )


def undo_deadline(case: Case, window_s: float) -> datetime:
    """Until when the expert may take the last decision back."""
    return (case.decision or case).created_at + timedelta(seconds=window_s)


def lease_message(lease: Lease) -> pb.Lease:
    return pb.Lease(review_case=case_name(lease.case_id), fencing_token=lease.fence, expire_time=timestamp(lease.until))


def counts_message(counts: dict[State, int]) -> pb.QueueCounts:
    return pb.QueueCounts(**{state.value: count for state, count in counts.items()})


def _term_of(text: str, suggestions: Sequence[pb.Suggestion]) -> str:
    """The headword of the suggestion with that text, else the text."""
    return next((one.term for one in suggestions if (one.text or one.term) == text), text)
