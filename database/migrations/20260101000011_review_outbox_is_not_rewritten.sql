-- migrate:up
-- The relay locks what it takes, for which the right to update one column is enough; a generated one takes no value.
REVOKE UPDATE ON review.outbox FROM shodhana_review;
GRANT UPDATE (event_id) ON review.outbox TO shodhana_review;

-- migrate:down
REVOKE UPDATE (event_id) ON review.outbox FROM shodhana_review;
GRANT UPDATE ON review.outbox TO shodhana_review;
