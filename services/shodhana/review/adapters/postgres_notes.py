"""Comments, drafts and preferences in schema `review`."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from ..domain.cases import State, Verdict
from ..domain.errors import CaseNotFound, DraftNotFound, RequestIdReused
from ..domain.notes import Comment, Draft, Preferences

COMMENT = "comment_id, case_id, author, text, created_at"
ADD_COMMENT = f"""
WITH added AS (
    INSERT INTO comments (case_id, author, text, request_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
    RETURNING {COMMENT}
), told AS (
    INSERT INTO outbox (case_id, kind, actor) SELECT case_id, 'commented', author FROM added
)
SELECT * FROM added
"""
DRAFTS = """
SELECT d.draft_id, d.case_id, d.verdict, d.decided_text, d.comment, d.created_at, c.state, c.heard
FROM drafts AS d JOIN review_cases AS c USING (case_id)
WHERE d.expert = $1 AND ($2::bigint IS NULL OR d.case_id = $2) AND ($3::bigint IS NULL OR d.draft_id < $3)
ORDER BY d.draft_id DESC LIMIT $4
"""
PREFER = """
INSERT INTO preferences (expert, domains, updated_by) VALUES ($1, $2, $3)
ON CONFLICT (expert) DO UPDATE SET domains = $2, updated_by = $3, updated_at = now()
RETURNING domains, updated_at
"""


@dataclass(frozen=True, slots=True)
class PostgresNotes:
    """The port `Notes`."""

    pool: asyncpg.Pool

    async def comment(self, case_id: int, author: str, text: str, request_id: str) -> Comment:
        try:
            row = await self.pool.fetchrow(ADD_COMMENT, case_id, author, text, request_id)
        except asyncpg.ForeignKeyViolationError as error:
            raise CaseNotFound(f"no case reviewCases/{case_id}") from error
        if row is None:
            row = await self.pool.fetchrow(f"SELECT {COMMENT} FROM comments WHERE request_id = $1", request_id)
        assert row is not None  # added now or before
        known = Comment(**row)
        if (known.case_id, known.author, known.text) != (case_id, author, text):
            raise RequestIdReused(f"request id {request_id} came with another comment before")
        return known

    async def comments(self, case_id: int, after: int, limit: int) -> list[Comment]:
        rows = await self.pool.fetch(
            f"SELECT {COMMENT} FROM comments WHERE case_id = $1 AND comment_id > $2 ORDER BY comment_id LIMIT $3",
            *(case_id, after, limit),
        )
        if not rows and not await self.pool.fetchval("SELECT true FROM review_cases WHERE case_id = $1", case_id):
            raise CaseNotFound(f"no case reviewCases/{case_id}")
        return [Comment(**row) for row in rows]

    async def drafts(self, expert: str, case_id: int | None, before: int | None, limit: int) -> list[Draft]:
        rows = await self.pool.fetch(DRAFTS, expert, case_id, before, limit)
        return [Draft(**{**row, "verdict": Verdict(row["verdict"]), "state": State(row["state"])}) for row in rows]

    async def delete_draft(self, draft_id: int, expert: str) -> None:
        gone = await self.pool.fetchval(
            "DELETE FROM drafts WHERE draft_id = $1 AND expert = $2 RETURNING true", draft_id, expert
        )
        if not gone and await self.pool.fetchval("SELECT true FROM drafts WHERE draft_id = $1", draft_id):
            raise DraftNotFound(f"no draft reviewDrafts/{draft_id} of yours")

    async def preferences(self, expert: str) -> Preferences:
        row = await self.pool.fetchrow("SELECT domains, updated_at FROM preferences WHERE expert = $1", expert)
        return Preferences(expert) if row is None else Preferences(expert, tuple(row["domains"]), row["updated_at"])

    async def prefer(self, expert: str, domains: tuple[str, ...], updated_by: str) -> Preferences:
        row = await self.pool.fetchrow(PREFER, expert, list(domains), updated_by)
        assert row is not None  # RETURNING
        return Preferences(expert, tuple(row["domains"]), row["updated_at"])
