"""The statements that move cases through the queue."""

from __future__ import annotations

from .rows import CASES, COLUMNS, LAST_DECISION

FINAL = "('accept', 'correct', 'reject')"
MOST = 5  # cases a claim, told to the planner too
MOST_AT_ONCE = 64  # cases of all claims that are served together
NEAR = 40  # waiting rows that are looked at for one the expert has not read yet
# Parameters: domains, boosts, filenames, heard, bodies, reads, texts, terms, probabilities, batch, SLA, digest,
# the keys of each, parted by spaces, their places, and whether they are proposals made outright.
# Without a new batch nothing is added, nor is a place that has a case.
ADD = """
WITH batch AS (
    INSERT INTO batches (batch_id, content_digest) VALUES ($10, $12) ON CONFLICT DO NOTHING RETURNING batch_id
), added AS (
    INSERT INTO review_cases (domain, rank_at, due_at, filename, heard, body, reads_wanted, suggested_text,
        suggested_term, suggested_probability, batch_id, batch_position, place_key, is_outright)
    SELECT domain, now() + make_interval(secs => $11 * (1 - boost / 10.0)), now() + make_interval(secs => $11),
        filename, heard, body, reads, suggested_text, suggested_term, probability, batch_id, position, place_key, $15
    FROM batch CROSS JOIN unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::bytea[], $6::int[], $7::text[],
        $8::text[], $9::real[], $14::uuid[]) WITH ORDINALITY AS new (domain, boost, filename, heard, body, reads,
        suggested_text, suggested_term, probability, place_key, position)
    ON CONFLICT (place_key) WHERE place_key IS NOT NULL DO NOTHING
    RETURNING case_id, batch_position
), indexed AS (
    INSERT INTO segment_term (term_key, case_id)
    SELECT key, case_id FROM added
    JOIN unnest($13::text[]) WITH ORDINALITY AS listed (keys, position) ON position = batch_position
    CROSS JOIN LATERAL string_to_table(nullif(keys, ''), ' ') AS key
), told AS (
    INSERT INTO outbox (case_id, kind) SELECT case_id, 'created' FROM added
)
SELECT case_id, true AS is_new FROM added ORDER BY batch_position
"""
# Parameters: batch, places. The cases of a batch, and those that its other places had before.
ADDED = """
SELECT coalesce(mine.case_id, known.case_id) AS case_id, mine.case_id IS NOT NULL AS is_new
FROM unnest($2::uuid[]) WITH ORDINALITY AS asked (place_key, position)
LEFT JOIN review_cases AS mine ON mine.batch_id = $1 AND mine.batch_position = position
LEFT JOIN review_cases AS known ON known.place_key = asked.place_key
ORDER BY position
"""
# An expression, so that the planner looks cases up by their ids and not among all that are held.
IS_HELD = "(c.state || '') = 'in_review'"
# What a crash may take back is not waited for until it is on the disk: a lost claim is a lost lease. Decisions wait.
UNHURRIED = "(SELECT set_config('synchronous_commit', 'off', true)) AS unhurried"
# An expert reads one of a family only, and the second read is handed out while the first stands.
UNREAD = f"""
NOT EXISTS (
    SELECT FROM expert_decisions AS known WHERE known.family_id = coalesce(c.family_id, c.case_id)
        AND known.expert = $3 AND known.undone_at IS NULL AND known.verdict IN {FINAL}
) AND NOT EXISTS (
    SELECT FROM review_cases AS kin WHERE kin.family_id = coalesce(c.family_id, c.case_id) AND kin.holder = $3
) AND (c.family_id IS NULL OR EXISTS (
    SELECT FROM review_cases AS root
    WHERE root.case_id = c.family_id AND root.state IN ('approved', 'rejected', 'needs_revision')
))
"""
TAKE = f"""
taken AS (
    UPDATE review_cases AS c
    SET state = 'in_review', holder = $3, fence = fence + 1, claim_id = $5, claim_position = wanted.position,
        claimed_at = now(), lease_until = now() + make_interval(secs => $4)
    FROM wanted, {UNHURRIED} WHERE c.case_id = wanted.case_id
    RETURNING c.*
), told AS (
    INSERT INTO outbox (case_id, kind, actor) SELECT case_id, 'claimed', $3 FROM taken
)
SELECT {COLUMNS} FROM taken AS c {LAST_DECISION} ORDER BY c.rank_at, c.case_id
"""
# Parameters: domains, count, expert, lease, claim, states. A look at the most urgent of each state and domain, none of
# them locked, says how many to take of each; so many are then locked, past those that others take at this moment. The
# literal states let the partial indexes serve.
CLAIM = f"""
WITH asked AS (
    SELECT wanted_state, wanted_domain FROM unnest($6::text[]) AS wanted_state CROSS JOIN unnest(
        coalesce(nullif($1::text[], '{{}}'), (SELECT nullif(domains, '{{}}') FROM preferences WHERE expert = $3),
            ARRAY['spiritual', 'philosophical', 'scriptural', 'general'])) AS wanted_domain
    WHERE NOT EXISTS (SELECT FROM review_cases WHERE claim_id = $5)
), heads AS (
    SELECT * FROM (
        SELECT wanted_state, wanted_domain, NULL::bigint AS case_id, rank_at, case_id AS tie
        FROM asked CROSS JOIN LATERAL (
            SELECT case_id, rank_at FROM review_cases
            WHERE state = wanted_state AND domain = wanted_domain AND state IN ('pending', 'expert_escalation')
                AND NOT fresh_only
            ORDER BY rank_at, case_id LIMIT $2
        ) AS open
        UNION ALL
        SELECT wanted_state, wanted_domain, case_id, rank_at, case_id
        FROM (SELECT * FROM asked WHERE EXISTS (
            SELECT FROM review_cases
            WHERE state IN ('pending', 'expert_escalation', 'needs_revision') AND fresh_only
        )) AS asked CROSS JOIN LATERAL (
            SELECT c.case_id, c.rank_at FROM (
                SELECT case_id, rank_at, family_id FROM review_cases
                WHERE state = wanted_state AND domain = wanted_domain
                    AND state IN ('pending', 'expert_escalation', 'needs_revision') AND fresh_only
                ORDER BY rank_at, case_id LIMIT {NEAR}
            ) AS c WHERE {UNREAD} ORDER BY c.rank_at, c.case_id LIMIT $2
        ) AS unread
    ) AS near ORDER BY rank_at, tie LIMIT $2
), taking AS (
    SELECT open.* FROM (
        SELECT wanted_state, wanted_domain, count(*) AS share FROM heads WHERE case_id IS NULL GROUP BY 1, 2
    ) AS part CROSS JOIN LATERAL (
        SELECT case_id, rank_at FROM review_cases
        WHERE state = wanted_state AND domain = wanted_domain AND state IN ('pending', 'expert_escalation')
            AND NOT fresh_only
        ORDER BY rank_at, case_id LIMIT part.share FOR UPDATE SKIP LOCKED
    ) AS open
    UNION ALL
    SELECT unread.* FROM heads CROSS JOIN LATERAL (
        SELECT case_id, rank_at FROM review_cases AS c
        WHERE c.case_id = heads.case_id AND c.state = heads.wanted_state AND c.fresh_only FOR UPDATE SKIP LOCKED
    ) AS unread
    WHERE heads.case_id IS NOT NULL
), wanted AS (
    SELECT case_id, row_number() OVER (ORDER BY rank_at, case_id) AS position FROM taking LIMIT {MOST}
), {TAKE}
"""
# Parameters: domains, count of all, states, whether the domains were asked for, then one array each of experts, leases,
# claims, counts. For many at once, of what anybody may have: where a second read or a dispute is more urgent, or an
# expert prefers other domains, nothing is taken, and CLAIM looks for each.
CLAIM_MANY = f"""
WITH slots AS (
    SELECT claim_id, expert, lease_s, n AS position, row_number() OVER (ORDER BY n, number) AS slot
    FROM unnest($5::text[], $6::float8[], $7::uuid[], $8::int[]) WITH ORDINALITY
        AS asked (expert, lease_s, claim_id, count, number) CROSS JOIN LATERAL generate_series(1, count) AS n
    WHERE ($4 OR NOT EXISTS (SELECT FROM preferences AS p WHERE p.expert = asked.expert AND p.domains <> '{{}}'))
        AND NOT EXISTS (SELECT FROM review_cases AS c WHERE c.claim_id = asked.claim_id)
), heads AS (
    SELECT wanted_state, wanted_domain, rank_at
    FROM unnest($3::text[]) AS wanted_state CROSS JOIN unnest($1::text[]) AS wanted_domain CROSS JOIN LATERAL (
        SELECT case_id, rank_at FROM review_cases
        WHERE state = wanted_state AND domain = wanted_domain AND state IN ('pending', 'expert_escalation')
            AND NOT fresh_only
        ORDER BY rank_at, case_id LIMIT $2
    ) AS open
    ORDER BY rank_at, case_id LIMIT $2
), taking AS (
    SELECT open.case_id, row_number() OVER (ORDER BY open.rank_at, open.case_id) AS slot FROM (
        SELECT wanted_state, wanted_domain, count(*) AS share FROM heads GROUP BY 1, 2
    ) AS part CROSS JOIN LATERAL (
        SELECT case_id, rank_at FROM review_cases
        WHERE state = wanted_state AND domain = wanted_domain AND state IN ('pending', 'expert_escalation')
            AND NOT fresh_only
        ORDER BY rank_at, case_id LIMIT part.share FOR UPDATE SKIP LOCKED
    ) AS open
    WHERE NOT EXISTS (
        SELECT FROM review_cases WHERE state IN ('pending', 'expert_escalation', 'needs_revision') AND fresh_only
            AND state = ANY($3::text[]) AND domain = ANY($1::text[]) AND rank_at < (SELECT max(rank_at) FROM heads)
    )
), wanted AS (
    SELECT taking.case_id, slots.* FROM taking JOIN slots USING (slot) LIMIT {MOST_AT_ONCE}
), taken AS (
    UPDATE review_cases AS c
    SET state = 'in_review', holder = wanted.expert, fence = fence + 1, claim_id = wanted.claim_id,
        claim_position = wanted.position, claimed_at = now(),
        lease_until = now() + make_interval(secs => wanted.lease_s)
    FROM wanted, {UNHURRIED} WHERE c.case_id = wanted.case_id
    RETURNING c.*
), told AS (
    INSERT INTO outbox (case_id, kind, actor) SELECT case_id, 'claimed', holder FROM taken
)
SELECT c.claim_id, {COLUMNS} FROM taken AS c {LAST_DECISION} ORDER BY c.rank_at, c.case_id
"""
# Parameters: cases, (none), expert, lease, claim, states.
CLAIM_NAMED = f"""
WITH wanted AS (
    SELECT named.case_id, row_number() OVER (ORDER BY named.rank_at, named.case_id) AS position
    FROM (
        SELECT c.case_id, c.rank_at FROM review_cases AS c
        WHERE c.case_id = ANY($1::bigint[]) AND $2::int IS NOT NULL AND c.state = ANY($6::text[])
            AND (NOT c.fresh_only OR {UNREAD})
        FOR UPDATE OF c SKIP LOCKED
    ) AS named
    WHERE NOT EXISTS (SELECT FROM review_cases WHERE claim_id = $5)
), {TAKE}
"""
HELD = f"""
{CASES} WHERE c.claim_id = $1 AND c.holder = $2 AND c.state = 'in_review' AND c.lease_until > now()
ORDER BY c.rank_at, c.case_id
"""
PROLONG = f"""
UPDATE review_cases AS c SET lease_until = now() + make_interval(secs => $4)
FROM unnest($1::bigint[], $2::bigint[]) AS held (case_id, fence), {UNHURRIED}
WHERE c.case_id = held.case_id AND c.fence = held.fence AND {IS_HELD} AND c.holder = $3
    AND c.lease_until > now()
RETURNING c.case_id, c.fence, c.lease_until
"""
# Parameters: SLA, then one array each of cases, fences, verdicts, types, texts, terms, comments, experts, requests. The
# fenced update, the decision and the event of each in one statement; where nothing is updated nothing is written. A
# skipped case goes behind all that wait.
DECIDE = f"""
WITH sent AS (
    SELECT * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::uuid[]) WITH ORDINALITY
        AS sent (case_id, fence, verdict, decision_type, text, term, comment, expert, request_id, position)
), fenced AS (
    UPDATE review_cases AS c
    SET state = CASE sent.verdict WHEN 'reject' THEN 'rejected' WHEN 'escalate' THEN 'expert_escalation'
            WHEN 'skip' THEN waiting_state(c.is_escalated, c.is_disputed) ELSE 'approved' END,
        is_escalated = c.is_escalated OR sent.verdict = 'escalate',
        is_disputed = c.is_disputed AND sent.verdict NOT IN {FINAL},
        holder = NULL, lease_until = NULL,
        rank_at = CASE WHEN sent.verdict = 'skip' THEN now() + make_interval(secs => $1) ELSE c.rank_at END
    FROM sent JOIN review_cases AS before USING (case_id)
    WHERE c.case_id = sent.case_id AND c.fence = sent.fence AND {IS_HELD} AND c.holder = sent.expert
        AND c.lease_until > now() AND (sent.verdict <> 'accept' OR sent.text <> '' OR c.suggested_text <> '')
    RETURNING c.*, before.rank_at AS rank_before, before.is_escalated AS was_escalated,
        before.is_disputed AS was_disputed, sent.verdict, sent.decision_type, sent.text, sent.term, sent.comment,
        sent.expert, sent.request_id, sent.position
), decided AS (
    INSERT INTO expert_decisions (case_id, fence, request_id, verdict, decision_type, decided_text, decided_term,
        comment, expert, state_after, was_escalated, was_disputed, family_id, rank_before, claimed_at)
    SELECT case_id, fence, request_id, verdict::verdict, decision_type::decision_type,
        CASE WHEN verdict = 'accept' AND text = '' THEN suggested_text ELSE text END,
        CASE WHEN verdict = 'accept' AND text = '' THEN suggested_term ELSE term END,
        comment, expert, state, was_escalated, was_disputed,
        CASE WHEN reads_wanted > 1 THEN coalesce(family_id, case_id) END, rank_before, claimed_at
    FROM fenced
    RETURNING *
), told AS (
    INSERT INTO outbox (case_id, kind, actor, decision_id)
    SELECT case_id, CASE verdict WHEN 'skip' THEN 'skipped' WHEN 'escalate' THEN 'escalated' ELSE 'decided' END
        ::event_kind, expert, decision_id
    FROM decided
)
SELECT c.position, {COLUMNS} FROM fenced AS c JOIN decided AS d ON d.case_id = c.case_id
"""
DECIDED_BEFORE = f"""
SELECT {COLUMNS}, d.state_after, c.suggested_text FROM expert_decisions AS d JOIN review_cases AS c USING (case_id)
WHERE d.request_id = $1
"""
KEEP_DRAFT = """
INSERT INTO drafts (case_id, expert, request_id, verdict, decided_text, comment)
VALUES ($1, $2, $3, $4::text::verdict, $5, $6) ON CONFLICT DO NOTHING
"""
SWEEP = f"""
WITH ended AS (
    UPDATE review_cases
    SET state = waiting_state(is_escalated, is_disputed), holder = NULL, lease_until = NULL
    FROM {UNHURRIED}
    WHERE case_id IN (
        SELECT case_id FROM review_cases WHERE state = 'in_review' AND lease_until <= now()
        ORDER BY lease_until LIMIT 1000 FOR UPDATE SKIP LOCKED
    )
    RETURNING case_id
)
INSERT INTO outbox (case_id, kind) SELECT case_id, 'expired' FROM ended RETURNING case_id
"""
