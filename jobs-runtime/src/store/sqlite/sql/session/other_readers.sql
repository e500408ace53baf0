-- Lists the publications by which other programs may read the payload of an attempt.
-- $1  the seq of its execution
-- $2  its session
-- $3  JSON array: job ids
-- Leaves out the program of $2, and those that gave the execution back because they cannot read it.
WITH tried (session) AS (
    SELECT $2
    UNION
    SELECT IFNULL(executed_by, session)
    FROM jobs_attempts
    WHERE seq = $1
        AND outcome = 'released'
        AND error_kind = 'invalid_payload'
        AND attempt > IFNULL(
            (SELECT MAX(attempt) FROM jobs_attempts WHERE seq = $1 AND outcome <> 'released'),
            0
        )
),
live (fingerprint) AS (
    SELECT f.value
    FROM jobs_sessions AS s, json_each(s.fingerprints) AS f
    WHERE s.closed_at IS NULL
        AND (
            json_array_length(s.queues) = 0
            OR (SELECT queue FROM jobs_executions WHERE seq = $1)
                IN (SELECT value FROM json_each(s.queues))
        )
    EXCEPT
    SELECT f.value
    FROM tried
    JOIN jobs_sessions AS s ON s.id = tried.session, json_each(s.fingerprints) AS f
)
SELECT job_id, fingerprint, descriptor, published_at
FROM jobs_catalogue
WHERE job_id IN (SELECT value FROM json_each($3))
    AND fingerprint IN (SELECT fingerprint FROM live)
ORDER BY published_at DESC, job_id
