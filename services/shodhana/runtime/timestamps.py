"""Times as the contracts carry them."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(moment: datetime | None) -> Timestamp | None:
    """The message for an aware datetime; None stays absent."""
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def duration(seconds: float) -> Duration:
    """The message for so many seconds."""
    message = Duration()
    message.FromNanoseconds(int(seconds * 1e9))
    return message
