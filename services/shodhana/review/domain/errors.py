"""What the queue refuses, and why."""

from __future__ import annotations

from shodhana.errors import AlreadyExists, FailedPrecondition, FieldViolation, InvalidInput, NotFound


class CaseNotFound(NotFound):
    """No case of that number."""


class DecisionNotFound(NotFound):
    """No decision of that number."""


class DraftNotFound(NotFound):
    """No draft of the caller's of that number."""


class BulkDecisionNotFound(NotFound):
    """No preview or bulk decision of the caller's of that number."""


class LeaseLost(FailedPrecondition):
    """The lease passed to another holder or ended; what was sent is kept as a draft."""

    reason = "LEASE_LOST"


class CaseStateWrong(FailedPrecondition):
    """The case is in a state that the call does not apply to."""

    reason = "CASE_STATE"


class PreviewExpired(FailedPrecondition):
    """The preview is too old to be carried out."""


class UndoWindowClosed(FailedPrecondition):
    """The time in which the decision may be undone has passed."""

    reason = "UNDO_WINDOW_CLOSED"


class RequestIdReused(AlreadyExists):
    """The same request id came with other content."""

    reason = "REQUEST_ID_REUSED"


class TextMissing(InvalidInput):
    """The verdict needs a text, and there is none."""

    def __init__(self, message: str = "verdict CORRECT needs the right text") -> None:
        super().__init__(message, [FieldViolation("decided_text", message)])


class QueryTooWide(InvalidInput):
    """A bulk decision over everything was asked for."""

    def __init__(self) -> None:
        message = "name the heard words or the file"
        super().__init__(message, [FieldViolation("query", message)])


class NothingToLearn(InvalidInput):
    """What is proposed cannot become a spelling or a term."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}", [FieldViolation(field, message)])


class ProposalNotFound(NotFound):
    """No proposal of that number."""


class NothingToPublish(FailedPrecondition):
    """The proposal has no term: it says that what was heard is right as it stands."""
