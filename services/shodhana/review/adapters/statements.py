"""The statements of the queue."""

from __future__ import annotations

COLUMNS = """
c.case_id, c.state, c.domain, c.body, c.created_at, c.due_at, c.rank_at, c.holder, c.fence, c.lease_until,
d.decision_id, d.verdict, d.decision_type, d.decided_text, d.comment, d.expert, d.created_at AS decided_at, d.undone_at
"""
LAST_DECISION = """
LEFT JOIN LATERAL (
    SELECT * FROM expert_decisions WHERE case_id = c.case_id ORDER BY decision_id DESC LIMIT 1
) AS d ON true
"""
CASES = f"SELECT {COLUMNS} FROM review_cases AS c {LAST_DECISION}"
# Parameters: domains, boosts, filenames, heard, bodies, batch, SLA, digest. Without a new batch nothing is added.
ADD = """
WITH batch AS (
    INSERT INTO batches (batch_id, content_digest) VALUES ($6, $8) ON CONFLICT DO NOTHING RETURNING batch_id
), added AS (
    INSERT INTO review_cases (domain, rank_at, due_at, filename, heard, body, batch_id, batch_position)
    SELECT domain, now() + make_interval(secs => $7 * (1 - boost / 10.0)), now() + make_interval(secs => $7),
        filename, heard, body, batch_id, position
    FROM batch CROSS JOIN unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::bytea[])
        WITH ORDINALITY AS new (domain, boost, filename, heard, body, position)
    RETURNING case_id, batch_position
), told AS (
    INSERT INTO outbox (case_id) SELECT case_id FROM added
)
SELECT case_id FROM added ORDER BY batch_position
"""
# Parameters: domains, count, expert, lease, claim, states. The most urgent of each state and domain, then the most
# urgent of those: each is the head of an index range. The literal states let the partial index serve.
CLAIM = f"""
WITH wanted AS (
    SELECT head.case_id, row_number() OVER (ORDER BY head.rank_at, head.case_id) AS position
    FROM unnest($6::text[]) AS wanted_state CROSS JOIN unnest($1::text[]) AS wanted_domain
    CROSS JOIN LATERAL (
        SELECT case_id, rank_at FROM review_cases
        WHERE state = wanted_state AND domain = wanted_domain AND state IN ('pending', 'expert_escalation')
        ORDER BY rank_at, case_id LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AS head
    WHERE NOT EXISTS (SELECT FROM review_cases WHERE claim_id = $5)
    ORDER BY head.rank_at, head.case_id LIMIT $2
), taken AS (
    UPDATE review_cases AS c
    SET state = 'in_review', holder = $3, fence = fence + 1, claim_id = $5, claim_position = wanted.position,
        claimed_at = now(), lease_until = now() + make_interval(secs => $4)
    FROM wanted WHERE c.case_id = wanted.case_id
    RETURNING c.*
), told AS (
    INSERT INTO outbox (case_id) SELECT case_id FROM taken
)
SELECT {COLUMNS} FROM taken AS c {LAST_DECISION} ORDER BY c.rank_at, c.case_id
"""
HELD = f"""
{CASES} WHERE c.claim_id = $1 AND c.holder = $2 AND c.state = 'in_review' AND c.lease_until > now()
ORDER BY c.rank_at, c.case_id
"""
PROLONG = """
UPDATE review_cases AS c SET lease_until = now() + make_interval(secs => $4)
FROM unnest($1::bigint[], $2::bigint[]) AS held (case_id, fence)
WHERE c.case_id = held.case_id AND c.fence = held.fence AND c.state = 'in_review' AND c.holder = $3
    AND c.lease_until > now()
RETURNING c.case_id, c.fence, c.lease_until
"""
# Parameters: case, fence, state, verdict, type, text, comment, expert, request, SLA. The fenced update, the decision
# and the event in one statement; where nothing is updated nothing is written. A skipped case goes behind all that wait.
DECIDE = f"""
WITH fenced AS (
    UPDATE review_cases AS c
    SET state = CASE WHEN $3::text = 'pending' AND c.is_escalated THEN 'expert_escalation' ELSE $3::text END,
        is_escalated = c.is_escalated OR $3::text = 'expert_escalation', holder = NULL, lease_until = NULL,
        rank_at = CASE WHEN $4::text = 'skip' THEN now() + make_interval(secs => $10) ELSE c.rank_at END
    FROM review_cases AS before
    WHERE c.case_id = $1 AND c.fence = $2 AND c.state = 'in_review' AND c.holder = $8 AND c.lease_until > now()
        AND before.case_id = c.case_id
    RETURNING c.*, before.rank_at AS rank_before, before.is_escalated AS was_escalated
), decided AS (
    INSERT INTO expert_decisions (case_id, fence, request_id, verdict, decision_type, decided_text, comment, expert,
        state_after, was_escalated, rank_before, claimed_at)
    SELECT case_id, fence, $9, $4::text::verdict, $5::text::decision_type, $6, $7, $8,
        state, was_escalated, rank_before, claimed_at
    FROM fenced
    RETURNING *
), told AS (
    INSERT INTO outbox (case_id) SELECT case_id FROM decided
)
SELECT {COLUMNS} FROM fenced AS c JOIN decided AS d ON d.case_id = c.case_id
"""
KEEP_DRAFT = """
INSERT INTO drafts (case_id, expert, request_id, verdict, decided_text, comment)
VALUES ($1, $2, $3, $4::text::verdict, $5, $6) ON CONFLICT DO NOTHING
"""
# Parameters: case, expert, window, request. A claim since the decision has moved the fence: nothing is undone then.
UNDO = f"""
WITH back AS (
    UPDATE review_cases AS c
    SET state = CASE WHEN d.was_escalated THEN 'expert_escalation' ELSE 'pending' END,
        is_escalated = d.was_escalated, rank_at = d.rank_before, fence = c.fence + 1
    FROM expert_decisions AS d
    WHERE c.case_id = $1 AND d.case_id = c.case_id AND d.fence = c.fence AND d.expert = $2 AND d.undone_at IS NULL
        AND d.created_at > now() - make_interval(secs => $3)
    RETURNING c.*, d.decision_id
), undone AS (
    UPDATE expert_decisions AS d SET undone_at = now(), undo_request_id = $4
    FROM back WHERE d.decision_id = back.decision_id
    RETURNING d.*
), told AS (
    INSERT INTO outbox (case_id) SELECT case_id FROM undone
)
SELECT {COLUMNS} FROM back AS c JOIN undone AS d ON d.case_id = c.case_id
"""
SWEEP = """
WITH ended AS (
    UPDATE review_cases
    SET state = CASE WHEN is_escalated THEN 'expert_escalation' ELSE 'pending' END, holder = NULL, lease_until = NULL
    WHERE case_id IN (
        SELECT case_id FROM review_cases WHERE state = 'in_review' AND lease_until <= now()
        ORDER BY lease_until LIMIT 1000 FOR UPDATE SKIP LOCKED
    )
    RETURNING case_id
)
INSERT INTO outbox (case_id) SELECT case_id FROM ended RETURNING case_id
"""
