-- Who is ready by the permits of the limits of the array $1: up to $2 of each, the last in the order first,
-- of those behind the place that the array has beside the limit.
SELECT r.last_limit, r.seq, r.rank, r.limits
FROM json_each($1) AS w
CROSS JOIN jobs_ready AS r ON (r.last_limit, r.rank, r.seq) IN (
    SELECT last_limit, rank, seq FROM jobs_ready
    WHERE last_limit = w.value ->> 0 AND (rank, seq) > (w.value ->> 1, w.value ->> 2)
    ORDER BY rank DESC, seq DESC
    LIMIT $2
)
ORDER BY w.key, r.rank DESC, r.seq DESC
