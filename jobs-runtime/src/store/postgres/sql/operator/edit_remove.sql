-- Takes the execution $1 out of where it waits; no row if it does not wait. Says its rank, the number of its
-- next attempt, the budget used so far; until when it waits, if it is scheduled; the limit that it stands at
-- and how many it has passed, if it is held; by which permits it is ready, if it is; its limits; since when it
-- has the permits; and its arrived_at, if it is held.
WITH it AS MATERIALIZED (
    SELECT x.seq, (100 - x.priority)::smallint AS rank FROM jobs.executions AS x WHERE x.seq = $1
),
ready AS (
    DELETE FROM jobs.ready AS r
    USING it
    WHERE r.rank = ANY (ARRAY[it.rank]) AND r.seq = ANY (ARRAY[it.seq])
    RETURNING r.seq, r.attempt, r.spent, r.limits, r.admitted_at
),
held AS (
    DELETE FROM jobs.blocked WHERE seq = $1 RETURNING seq, attempt, spent, limit_id, passed, arrived_at
),
scheduled AS (
    DELETE FROM jobs.scheduled WHERE seq = $1 RETURNING seq, attempt, spent, run_at
),
place AS (
    SELECT
        attempt, spent, NULL::bigint AS run_at, NULL::bigint AS limit_id, NULL::smallint AS passed,
        NULL::bigint AS arrived_at, limits, admitted_at
    FROM ready
    UNION ALL
    SELECT attempt, spent, NULL, limit_id, passed, arrived_at, NULL, NULL FROM held
    UNION ALL
    SELECT attempt, spent, run_at, NULL, NULL, NULL, NULL, NULL FROM scheduled
)
SELECT it.rank, p.attempt, p.spent, p.run_at, p.limit_id, p.passed, p.limits, m.limits, p.admitted_at,
    p.arrived_at
FROM place AS p
CROSS JOIN it
LEFT JOIN jobs.limited AS m ON m.seq = ANY (ARRAY[it.seq])
