-- Who is ready by the permits of the limits of the array $1, the last in the order first, of those behind
-- the place that the array has beside the limit: no more than have permits.
SELECT r.last_limit, r.seq, r.rank, r.limits, IFNULL(r.let_in_at, 0)
FROM json_each($1) AS w
CROSS JOIN jobs_ready AS r INDEXED BY jobs_ready_by_limit
    ON r.last_limit = w.value ->> 0 AND (r.rank, r.seq) > (w.value ->> 1, w.value ->> 2)
WHERE r.last_limit IS NOT NULL
ORDER BY w.key, r.rank DESC, r.seq DESC
