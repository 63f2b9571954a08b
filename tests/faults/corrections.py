"""One correction at once, to see what is missing from it."""

from __future__ import annotations

import random
from typing import Any

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import connect


def correct(mesh: Any, text: str) -> pb.CorrectionReport:
    """The report on a text, of which nothing is kept."""
    file = pb.TranscriptFile(filename="fault.txt", content=text.encode())
    options = pb.CorrectionOptions(validate_only=True)
    with connect(mesh.profile) as client:
        answer = client.transcripts.CorrectTranscript(
            pb.CorrectTranscriptRequest(file=file, options=options), timeout=60
        )
    report: pb.CorrectionReport = answer.report
    return report


def new_word() -> str:
    """One that no cache knows, and that only its sound explains."""
    return "kunda" + "".join(random.choices("lnmr", k=4)) + "ni"
