-- Finds ready executions with a permit of given limits, for more urgent waiters to displace. The
-- reads jump from stretch to stretch of the index (512 seq each) and skip those without rows.
-- $1  JSON array: [limit, rank, seq, first stretch, last stretch]; only executions behind that rank
--     and seq, and within these stretches
-- Returns rows: limit, seq, rank, limits, admission time; per limit, the least urgent come first.
WITH RECURSIVE
    asked (number, last_limit, rank, seq, first, last) AS MATERIALIZED (
        SELECT key, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
        FROM json_each($1)
    ),
    step (number, stretch) AS (
        SELECT a.number, (
            SELECT MIN(r.seq >> 9) FROM jobs_ready AS r
            WHERE r.last_limit IS NOT NULL AND r.seq >> 9 BETWEEN a.first AND a.last
        )
        FROM asked AS a
        UNION ALL
        SELECT s.number, (
            SELECT MIN(r.seq >> 9) FROM jobs_ready AS r
            WHERE r.last_limit IS NOT NULL AND r.seq >> 9 > s.stretch AND r.seq >> 9 <= a.last
        )
        FROM step AS s
        CROSS JOIN asked AS a ON a.number = s.number
        WHERE s.stretch IS NOT NULL
    )
SELECT r.last_limit, r.seq, r.rank, r.limits, IFNULL(r.admitted_at, 0)
FROM step AS s
CROSS JOIN asked AS a ON a.number = s.number
CROSS JOIN jobs_ready AS r INDEXED BY jobs_ready_by_limit
    ON r.seq >> 9 = s.stretch AND r.last_limit = a.last_limit AND (r.rank, r.seq) > (a.rank, a.seq)
WHERE r.last_limit IS NOT NULL
ORDER BY s.number, r.rank DESC, r.seq DESC
