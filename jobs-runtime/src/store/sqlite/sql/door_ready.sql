-- Who is ready by the permits of the limits of the array $1: as many of each as the array says, the
-- last in the order first, of those behind its place in it.
SELECT r.last_limit, r.seq, r.rank, r.limits
FROM json_each($1) AS w
CROSS JOIN jobs_ready AS r ON (r.last_limit, r.rank, r.seq) IN (
    SELECT last_limit, rank, seq FROM jobs_ready
    WHERE last_limit = w.value ->> 0 AND (rank, seq) > (w.value ->> 2, w.value ->> 3)
    ORDER BY rank DESC, seq DESC
    LIMIT w.value ->> 1
)
ORDER BY w.key, r.rank DESC, r.seq DESC
