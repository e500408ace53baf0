-- Writes an entry for the ready executions of a page that have none.
-- $1  JSON array: jobs
-- $2  the queue, $3 the rank, $4 the seq before the page
-- $5  the queue, $6 the rank, $7 the seq of the last execution of the page
INSERT INTO jobs_unpublished (queue, job_id, rank, seq, attempt)
SELECT queue, job_id, rank, seq, attempt
FROM jobs_ready
WHERE (queue, rank, seq) > ($2, $3, $4) AND (queue, rank, seq) <= ($5, $6, $7)
    AND job_id IN (SELECT value FROM json_each($1))
    AND queue NOT IN (SELECT queue FROM jobs_paused_queues)
ON CONFLICT (queue, job_id, rank, seq) DO NOTHING
