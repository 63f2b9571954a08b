"""Who can be logged in as."""

from __future__ import annotations

from dataclasses import dataclass

ROLES_CLAIM = "shodhana_roles"


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up person; `roles` are what identity gives them at their first log-in."""

    person_id: str
    name: str
    roles: tuple[str, ...]
    does: str

    @property
    def claims(self) -> dict[str, object]:
        """Of the id_token."""
        return {
            "sub": self.person_id,
            "name": self.name,
            "email": f"{self.person_id}@development.example",
            "email_verified": True,
            ROLES_CLAIM: list(self.roles),
        }


PEOPLE = {
    person.person_id: person
    for person in (
        Person("expert", "Development expert", ("expert_linguist",), "decides review cases"),
        Person("admin", "Development administrator", ("admin",), "manages users, lexicon and configuration"),
        Person("viewer", "Development viewer", ("viewer",), "reads reports and statistics"),
    )
}
