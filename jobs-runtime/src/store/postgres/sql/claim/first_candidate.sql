-- Which of those that claim_head.sql takes from it would take first: ready executions of the jobs $1, from the
-- queues $2 (NULL: from all) but not from those in $3 and none that is paused; none with limits unless $4; only
-- the executions $5, unless that is NULL.
SELECT x.id
FROM jobs.ready AS r
JOIN jobs.executions AS x ON x.seq = ANY (ARRAY[r.seq])
WHERE (r.limits IS NULL OR $4) AND r.job_id || '' = ANY ($1) AND ($2::text[] IS NULL OR r.queue = ANY ($2))
    AND r.queue <> ALL ($3) AND r.queue <> ALL (ARRAY(SELECT p.queue FROM jobs.paused_queues AS p))
    AND ($5::uuid[] IS NULL OR x.id = ANY ($5))
ORDER BY r.rank, r.seq
LIMIT 1
