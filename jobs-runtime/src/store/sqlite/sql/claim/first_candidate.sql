-- Finds the execution that choose.sql would choose first.
-- $1  JSON array: ids of the jobs to claim
-- $2  JSON array: queues to claim from; NULL for every queue
-- $3  JSON array: queues to leave out
-- $4  whether executions with limits count
-- $5  JSON array: ids (hex) of the only executions to claim; NULL for every execution
-- Returns its id, or no row.
SELECT x.id
FROM jobs_ready AS r
CROSS JOIN jobs_executions AS x ON x.seq = r.seq
WHERE r.job_id IN (SELECT value FROM json_each($1))
    AND ($2 IS NULL OR r.queue IN (SELECT value FROM json_each($2)))
    AND r.queue NOT IN (SELECT queue FROM jobs_paused_queues)
    AND r.queue NOT IN (SELECT value FROM json_each($3))
    AND (r.limits IS NULL OR $4)
    AND ($5 IS NULL OR x.id IN (SELECT unhex(value) FROM json_each($5)))
ORDER BY r.rank, r.seq
LIMIT 1;
