-- migrate:up
-- A place of a file is asked about once, however often the file is corrected; a proposal made outright has no place.
ALTER TABLE review.review_cases
    ADD COLUMN place_key uuid,
    ADD COLUMN is_outright boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX review_cases_place ON review.review_cases (place_key) WHERE place_key IS NOT NULL;

-- migrate:down
ALTER TABLE review.review_cases DROP COLUMN is_outright, DROP COLUMN place_key;
