-- Puts the execution $1 where it waits now: until $4 if that is not NULL; else at the limit $5, having passed
-- $6 and with the arrived_at $10, if that is not NULL; else it is ready by the permits $7, which it has since $9. Its next attempt is $2, it has spent $3.
-- The permits $8 were not used.
WITH it AS MATERIALIZED (SELECT * FROM jobs.executions WHERE seq = $1),
scheduled AS (
    INSERT INTO jobs.scheduled (seq, run_at, attempt, spent)
    SELECT seq, $4::bigint, $2::integer, $3::integer FROM it WHERE $4 IS NOT NULL
),
held AS (
    INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed, arrived_at)
    SELECT seq, $5::bigint, 100 - priority, $2, $3, $6::smallint, $10::bigint
    FROM it
    WHERE $4 IS NULL AND $5 IS NOT NULL
),
unused AS (
    INSERT INTO jobs.permit_events (limit_id, kind, count)
    SELECT i.id, 'unused', 1 FROM unnest($8::bigint[]) AS i (id)
)
INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent, limits, last_limit, admitted_at)
SELECT
    seq, 100 - priority, queue, job_id, $2, $3, $7::bigint[], ($7)[cardinality($7)], $9
FROM it
WHERE $4 IS NULL AND $5 IS NULL
