-- Finds the execution that a claim scanning from the head would lease first.
-- $1 jobs, $2 queues (NULL: all), $3 excluded queues, $4 whether executions with limits count, $5
-- ids (NULL: all). Returns its id, or no row. Nothing is locked.
SELECT x.id
FROM jobs.ready AS r
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[r.seq])
WHERE (r.limits IS NULL OR $4) AND r.job_id || '' = ANY ($1) AND ($2::text[] IS NULL OR r.queue = ANY ($2))
    AND r.queue <> ALL ($3) AND r.queue <> ALL (ARRAY(SELECT p.queue FROM jobs.paused_queues AS p))
    AND ($5::uuid[] IS NULL OR x.id = ANY ($5))
ORDER BY r.rank, r.seq
LIMIT 1
