-- Who is ready by the permits of the limits of the array $1, the last in the order first, of those behind
-- the place that the array has beside the limit: no more than have permits. The index has them by stretches of
-- numbers. Of those only the place's own and later ones are asked, unless something less urgent is ready.
WITH RECURSIVE
    stretches (stretch) AS (
        SELECT MIN(seq >> 9) FROM jobs_ready WHERE last_limit IS NOT NULL
        UNION ALL
        SELECT (
            SELECT MIN(r.seq >> 9) FROM jobs_ready AS r
            WHERE r.last_limit IS NOT NULL AND r.seq >> 9 > stretches.stretch
        )
        FROM stretches
        WHERE stretch IS NOT NULL
    ),
    present (queue) AS (
        SELECT MIN(queue) FROM jobs_ready
        UNION ALL
        SELECT (SELECT MIN(r.queue) FROM jobs_ready AS r WHERE r.queue > present.queue)
        FROM present
        WHERE present.queue IS NOT NULL
    ),
    least (rank) AS MATERIALIZED (
        SELECT MAX((SELECT MAX(r.rank) FROM jobs_ready AS r WHERE r.queue = p.queue))
        FROM present AS p
    )
SELECT r.last_limit, r.seq, r.rank, r.limits, IFNULL(r.let_in_at, 0)
FROM json_each($1) AS w
CROSS JOIN stretches AS s
    ON s.stretch >= (w.value ->> 2) >> 9 OR w.value ->> 1 < (SELECT rank FROM least)
CROSS JOIN jobs_ready AS r INDEXED BY jobs_ready_by_limit
    ON r.seq >> 9 = s.stretch AND r.last_limit = w.value ->> 0
    AND (r.rank, r.seq) > (w.value ->> 1, w.value ->> 2)
WHERE r.last_limit IS NOT NULL
ORDER BY w.key, r.rank DESC, r.seq DESC
