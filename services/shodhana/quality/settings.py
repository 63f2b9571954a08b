"""Settings of the quality service."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import NoDecode

from shodhana.runtime.settings import RuntimeSettings

from .domain.values import Policy, Weights


def _numbers(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Share = Annotated[float, Field(ge=0, le=1)]
Shares = Annotated[tuple[Share, Share, Share, Share], NoDecode, BeforeValidator(_numbers)]


class QualitySettings(RuntimeSettings):
    """Read once in `__main__`."""

    service_name: str = "quality"
    lexicon_refresh_s: float = 2.0
    stats_refresh_s: float = 30.0
    cache_ttl_s: float = 3600
    cache_entries: int = 50_000
    cache_tally_s: float = 5.0
    """Between two additions to the day's hits and misses."""
    academic_weights: Shares = (0.4, 0.4, 0.1, 0.1)
    """Of IAST compliance, Sanskrit accuracy, spelling consistency and format integrity: `0.4,0.4,0.1,0.1`."""
    edit_penalty: Annotated[float, Field(ge=0)] = 10.0
    """What the share of edited other words is multiplied by, and taken from 1."""
    unknown_form_probability: Share = 0.5
    """What a form counts that is well formed, and neither listed nor attested."""
    attested_forms_enabled: bool = True
    """False: forms are looked up in the lexicon alone, also where the list of forms is installed."""

    @field_validator("academic_weights")
    @classmethod
    def _make_one(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if abs(sum(weights) - 1) > 1e-6:
            raise ValueError("ACADEMIC_WEIGHTS are not 1 together")
        return weights

    def policy(self) -> Policy:
        """The policy of the scores."""
        return Policy(
            min_academic_score=self.min_academic_score,
            iast_compliance_threshold=self.iast_compliance_threshold,
            similarity_threshold=self.similarity_threshold,
            weights=Weights(*self.academic_weights),
            edit_penalty=self.edit_penalty,
            unknown_form_probability=self.unknown_form_probability,
        )
