-- Deletes the row of the execution $1 from `ready`, `blocked` or `scheduled`.
-- No row if it is in none of these. Returns rank, next attempt, spent attempts; due time
-- (scheduled); limit and number of limits passed (blocked); limits whose permits it holds (ready);
-- its limits; time of admission; `arrived_at` (blocked).
WITH target AS MATERIALIZED (
    SELECT x.seq, (100 - x.priority)::smallint AS rank FROM jobs.executions AS x WHERE x.seq = $1
),
ready AS (
    DELETE FROM jobs.ready AS r
    USING target
    CROSS JOIN LATERAL (
        SELECT b.ctid AS place
        FROM jobs.ready AS b
        WHERE b.rank = target.rank AND b.seq = target.seq
        LIMIT 1
    ) AS p
    WHERE r.ctid = p.place
    RETURNING r.seq, r.attempt, r.spent, r.limits, r.admitted_at
),
blocked AS (
    DELETE FROM jobs.blocked WHERE seq = $1
        RETURNING seq, attempt, spent, limit_id, passed, arrived_at
),
scheduled AS (
    DELETE FROM jobs.scheduled WHERE seq = $1 RETURNING seq, attempt, spent, run_at
),
removed AS (
    SELECT
        attempt, spent, NULL::bigint AS run_at, NULL::bigint AS limit_id, NULL::smallint AS passed,
        NULL::bigint AS arrived_at, limits, admitted_at
    FROM ready
    UNION ALL
    SELECT attempt, spent, NULL, limit_id, passed, arrived_at, NULL, NULL FROM blocked
    UNION ALL
    SELECT attempt, spent, run_at, NULL, NULL, NULL, NULL, NULL FROM scheduled
)
SELECT target.rank, p.attempt, p.spent, p.run_at, p.limit_id, p.passed, p.limits, m.limits,
    p.admitted_at,
    p.arrived_at
FROM removed AS p
CROSS JOIN target
LEFT JOIN jobs.limited AS m ON m.seq = ANY (ARRAY[target.seq])
