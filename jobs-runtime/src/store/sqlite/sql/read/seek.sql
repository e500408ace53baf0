-- Finds by binary search where executions created at $1 or later begin in the order of the seqs.
-- Skips `apart`, the imported executions that are out of order. Returns the first seq, and the
-- first and the last of those; without such executions the last one is before the first.
WITH RECURSIVE
    apart (first, last) AS (
        SELECT COALESCE(MAX(unordered_from), 9223372036854775807), COALESCE(MAX(unordered_to), 0)
        FROM jobs_installation
    ),
    -- Executions before `low` were created earlier, and those from `high` on were not.
    search (low, high) AS (
        SELECT
            COALESCE((SELECT MIN(seq) FROM jobs_executions), 0),
            COALESCE((SELECT MAX(seq) + 1 FROM jobs_executions), 0)
        UNION ALL
        SELECT
            iif(x.created_at < $1, x.seq + 1, s.low),
            iif(x.created_at < $1, s.high, (s.low + s.high) / 2)
        FROM search AS s
        CROSS JOIN apart AS a
        -- The first execution in order from the middle on.
        LEFT JOIN jobs_executions AS x ON x.seq = COALESCE(
            (
                SELECT MIN(e.seq) FROM jobs_executions AS e
                WHERE e.seq >= (s.low + s.high) / 2 AND e.seq < min(s.high, a.first)
            ),
            (
                SELECT MIN(e.seq) FROM jobs_executions AS e
                WHERE e.seq >= max((s.low + s.high) / 2, a.last + 1) AND e.seq < s.high
            )
        )
        WHERE s.low < s.high
    )
SELECT s.high AS seq, a.first, a.last
FROM search AS s CROSS JOIN apart AS a
WHERE s.low >= s.high
