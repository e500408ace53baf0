-- Finds by binary search where executions created at $1 or later begin in the order of the seqs.
-- Skips `apart`, the imported executions that are out of order. Returns the first seq, and the
-- first and the last of those; without such executions the last one is before the first.
WITH RECURSIVE apart (first, last) AS (
    SELECT COALESCE(MAX(unordered_from), 9223372036854775807), COALESCE(MAX(unordered_to), 0)
    FROM jobs.installation
),
-- Executions before `low` were created earlier, and those from `high` on were not.
search (low, high) AS (
    SELECT
        COALESCE((SELECT MIN(seq) FROM jobs.executions), 0),
        COALESCE((SELECT MAX(seq) + 1 FROM jobs.executions), 0)
    UNION ALL
    SELECT
        CASE WHEN x.created_at < $1 THEN x.seq + 1 ELSE s.low END,
        CASE WHEN x.created_at < $1 THEN s.high ELSE (s.low + s.high) / 2 END
    FROM search AS s
    CROSS JOIN apart AS a
    -- The first execution in order from the middle on.
    LEFT JOIN LATERAL (
        SELECT p.seq, p.created_at
        FROM (
            (
                SELECT e.seq, e.created_at FROM jobs.executions AS e
                WHERE e.seq >= (s.low + s.high) / 2 AND e.seq < LEAST(s.high, a.first)
                ORDER BY e.seq LIMIT 1
            )
            UNION ALL
            (
                SELECT e.seq, e.created_at FROM jobs.executions AS e
                WHERE e.seq >= GREATEST((s.low + s.high) / 2, a.last + 1) AND e.seq < s.high
                ORDER BY e.seq LIMIT 1
            )
        ) AS p
        ORDER BY p.seq LIMIT 1
    ) AS x ON TRUE
    WHERE s.low < s.high
)
SELECT s.high AS seq, a.first, a.last
FROM search AS s CROSS JOIN apart AS a
WHERE s.low >= s.high
