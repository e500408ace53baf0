-- Writes an entry for each of these executions that is ready.
-- $1  JSON array: the ids of the executions (hex)
-- $2  the time from which a relay publishes them
INSERT INTO jobs_unpublished (queue, job_id, rank, seq, attempt, publish_at)
SELECT r.queue, r.job_id, r.rank, r.seq, r.attempt, $2
FROM json_each($1) AS e
CROSS JOIN jobs_executions AS x ON x.id = unhex(e.value)
CROSS JOIN jobs_ready AS r
    ON r.queue = x.queue AND r.rank = 100 - x.priority AND r.seq = x.seq
WHERE TRUE
ON CONFLICT (queue, job_id, rank, seq)
    DO UPDATE SET
        attempt = excluded.attempt, version = version + 1, publish_at = excluded.publish_at
