-- migrate:up
CREATE TABLE quality.quality_reports (
    report_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id uuid UNIQUE,
    subject text NOT NULL DEFAULT '',
    iast_compliance real CHECK (iast_compliance BETWEEN 0 AND 1),
    sanskrit_accuracy real CHECK (sanskrit_accuracy BETWEEN 0 AND 1),
    academic_score real CHECK (academic_score BETWEEN 0 AND 1),
    overall_score real CHECK (overall_score BETWEEN 0 AND 1),
    requires_review boolean NOT NULL,
    lexicon_version text NOT NULL DEFAULT '',
    report bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX quality_reports_subject ON quality.quality_reports (subject, report_id DESC);
CREATE INDEX quality_reports_review ON quality.quality_reports (report_id DESC) WHERE requires_review;

CREATE MATERIALIZED VIEW quality.daily_quality_stats AS
SELECT
    (created_at AT TIME ZONE 'UTC')::date AS day,
    count(*) AS report_count,
    count(*) FILTER (WHERE requires_review) AS requires_review_count,
    avg(iast_compliance) AS mean_iast_compliance,
    avg(sanskrit_accuracy) AS mean_sanskrit_accuracy,
    avg(academic_score) AS mean_academic_score,
    avg(overall_score) AS mean_overall_score
FROM quality.quality_reports
GROUP BY 1;
CREATE UNIQUE INDEX daily_quality_stats_day ON quality.daily_quality_stats (day); -- CONCURRENTLY needs it

CREATE TABLE quality.refresh (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    refreshed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO quality.refresh DEFAULT VALUES;

-- Only the owner may refresh a materialized view; the service may ask for it.
CREATE FUNCTION quality.refresh_daily_stats() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = quality, pg_temp AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY quality.daily_quality_stats;
    UPDATE quality.refresh SET refreshed_at = now();
END
$$;
REVOKE ALL ON FUNCTION quality.refresh_daily_stats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quality.refresh_daily_stats() TO shodhana_quality;
GRANT SELECT, INSERT ON quality.quality_reports TO shodhana_quality;
GRANT SELECT ON quality.daily_quality_stats, quality.refresh TO shodhana_quality;

-- migrate:down
DROP FUNCTION quality.refresh_daily_stats();
DROP TABLE quality.refresh;
DROP MATERIALIZED VIEW quality.daily_quality_stats;
DROP TABLE quality.quality_reports;
