-- Counts the pending and queued executions of a job with max_waiting.
-- $1  the job
-- $2  the number at which to stop
-- Returns the number.
SELECT COUNT(*) FROM (SELECT 1 FROM jobs_backlog_entries WHERE job_id = $1 LIMIT $2)
