-- Which of those that claim.sql takes it would take first: ready executions of the jobs in the array $1, from
-- the queues in the array $2, from every queue if it is NULL, but none of those in the array $3 and none
-- that is paused; none with limits unless $4; only those whose ids are in the array $5, if it is not NULL.
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
