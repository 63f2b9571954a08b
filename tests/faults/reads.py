"""A read of each service, which changes nothing and may be repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from shodhana.api.embedding.v1.embedding_pb2 import TokenizeRequest
from shodhana.api.identity.v1.identity_pb2 import GetPrincipalRequest
from shodhana.api.quality.v1.quality_pb2 import ListReportsRequest
from shodhana.api.review.v1.review_pb2 import ListCasesRequest
from shodhana.api.similarity.v1.similarity_pb2 import SearchRequest
from shodhana.api.transcripts.v1.transcripts_pb2 import ListJobsRequest

Read = Callable[..., Awaitable[Any]]
READS: dict[str, tuple[str, Read]] = {
    "embedding": (
        "Tokenize",
        lambda c, n, **o: c.embedding.Tokenize(TokenizeRequest(model="semantic", texts=[f"{n}"]), **o),
    ),
    "similarity": ("Search", lambda c, n, **o: c.similarity.Search(SearchRequest(query=f"kundalani{n % 7}"), **o)),
    "quality": ("ListReports", lambda c, _, **o: c.quality.ListReports(ListReportsRequest(page_size=5), **o)),
    "review": ("ListCases", lambda c, _, **o: c.review.ListCases(ListCasesRequest(page_size=1), **o)),
    "transcripts": ("ListJobs", lambda c, _, **o: c.transcripts.ListJobs(ListJobsRequest(page_size=5), **o)),
    "identity": ("GetPrincipal", lambda c, _, **o: c.identity.GetPrincipal(GetPrincipalRequest(), **o)),
}
"""By service: the method and the call, of a client and a number."""
