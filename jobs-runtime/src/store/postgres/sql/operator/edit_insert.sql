-- Inserts the row of the edited execution $1 into the table of its state.
-- $4 due time: into `scheduled`. $5 limit, $6 limits passed, $10 `arrived_at`: into `blocked`. Both
-- NULL: into `ready`, with the permits of the limits $7, admitted at $9. $2 next attempt, $3 spent
-- attempts, $8 limits whose permits the execution gives up.
WITH edited AS MATERIALIZED (SELECT * FROM jobs.executions WHERE seq = $1),
scheduled AS (
    INSERT INTO jobs.scheduled (seq, run_at, attempt, spent)
    SELECT seq, $4::bigint, $2::integer, $3::integer FROM edited WHERE $4 IS NOT NULL
),
blocked AS (
    INSERT INTO jobs.blocked (seq, limit_id, rank, attempt, spent, passed, arrived_at)
    SELECT seq, $5::bigint, 100 - priority, $2, $3, $6::smallint, $10::bigint
    FROM edited
    WHERE $4 IS NULL AND $5 IS NOT NULL
),
unused AS (
    INSERT INTO jobs.permit_events (kind, limits, counts)
    SELECT 'unused', $8::bigint[], array_fill(1::bigint, ARRAY[cardinality($8::bigint[])])
    WHERE cardinality($8::bigint[]) > 0
)
INSERT INTO jobs.ready (seq, rank, queue, job_id, attempt, spent, limits, admitted_at)
SELECT seq, 100 - priority, queue, job_id, $2, $3, $7::bigint[], $9
FROM edited
WHERE $4 IS NULL AND $5 IS NULL
