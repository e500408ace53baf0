-- Lists the publications, of jobs $3, by which other programs may read the payload of an attempt of
-- execution $1. Leaves out the program of its session $2, and those that gave the execution back
-- because they cannot read it.
WITH tried AS (
    SELECT $2::bigint AS session
    UNION
    SELECT COALESCE(executed_by, session)
    FROM jobs.attempts
    WHERE seq = $1
        AND outcome = 'released'
        AND error_kind = 'invalid_payload'
        AND attempt > COALESCE(
            (SELECT MAX(attempt) FROM jobs.attempts WHERE seq = $1 AND outcome <> 'released'),
            0
        )
),
live AS (
    SELECT unnest(s.fingerprints) AS fingerprint
    FROM jobs.beats AS b
    JOIN jobs.sessions AS s ON s.id = b.session
    WHERE s.queues = '{}'
        OR (SELECT queue FROM jobs.executions WHERE seq = $1) = ANY (s.queues)
    EXCEPT
    SELECT unnest(s.fingerprints)
    FROM tried
    JOIN jobs.sessions AS s ON s.id = tried.session
)
SELECT job_id, fingerprint, descriptor, published_at
FROM jobs.catalogue
WHERE job_id = ANY ($3) AND fingerprint IN (SELECT fingerprint FROM live)
ORDER BY published_at DESC, job_id
