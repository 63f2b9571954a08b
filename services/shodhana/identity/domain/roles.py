"""The roles and what each allows. Source: design of the review queue (experts, admin, viewer) and of the mesh."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shodhana.errors import FieldViolation, InvalidInput


class RoleUnknown(InvalidInput):
    """A role that is not in ROLES was named."""


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions ("noun:verb")."""

    role_id: str
    description: str
    permissions: frozenset[str]


def _role(role_id: str, description: str, *permissions: str) -> tuple[str, Role]:
    return role_id, Role(role_id, description, frozenset(permissions))


ROLES: dict[str, Role] = dict(
    (
        _role(
            "admin",
            "Manages users, the lexicon and the configuration.",
            *("system:admin", "users:manage", "config:write", "metrics:admin", "metrics:view"),
            *("lexicon:read", "lexicon:write", "embeddings:read", "quality:write", "reports:read"),
            *("reviews:read", "transcripts:read", "transcripts:write"),
        ),
        _role(
            "expert_linguist",
            "Decides review cases.",
            *("reviews:read", "reviews:write", "decisions:create", "cases:assign"),
            *("lexicon:read", "reports:read", "transcripts:read"),
        ),
        _role("viewer", "Reads reports and statistics.", "reports:read", "metrics:view", "lexicon:read"),
        _role(
            "processor",
            "A system that has transcripts corrected.",
            *("transcripts:read", "transcripts:write", "lexicon:read", "reports:read", "embeddings:read"),
        ),
        _role("service_similarity", "The similarity service towards the others.", "embeddings:read"),
        _role("service_quality", "The quality service towards the others.", "lexicon:read"),
        _role(
            "service_review",
            "The review service towards the others.",
            *("lexicon:read", "lexicon:write", "transcripts:read", "transcripts:write"),
        ),
        _role(
            "service_transcripts",
            "The transcripts service and its workers towards the others.",
            *("lexicon:read", "quality:write", "reports:read", "reviews:create", "reviews:read", "embeddings:read"),
        ),
    )
)


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """What the roles allow together. Raises RoleUnknown."""
    known = check_roles(roles)
    return frozenset().union(*(ROLES[role].permissions for role in known))


def check_roles(roles: Iterable[str], field: str = "roles") -> tuple[str, ...]:
    """The roles, sorted and each once. Raises RoleUnknown, naming every one that does not exist."""
    wanted = sorted(set(roles))
    unknown = [role for role in wanted if role not in ROLES]
    if unknown:
        known = ", ".join(ROLES)
        violations = [FieldViolation(field, f"no role {role!r}; the roles are {known}") for role in unknown]
        raise RoleUnknown(f"unknown role: {', '.join(unknown)}", violations)
    return tuple(wanted)
