-- Inserts the outcomes of requests that were not accepted, or that another execution answers.
-- $1 to $4: one array per column. $5 the time.
INSERT INTO jobs.outcomes (seq, status, finished_at, attempt, error_kind, error_message)
SELECT
    unnest($1::bigint[]), unnest($2::text[]), $5, 0, unnest($3::text[]), unnest($4::text[])
