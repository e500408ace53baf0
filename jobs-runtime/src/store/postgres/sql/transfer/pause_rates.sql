-- Pauses rates, and creates those that do not exist: key $1, job $2, stage $3, count $4, period $5,
-- time of the next start $6.
INSERT INTO jobs.limits AS l (key, job_id, stage, kind, count, period_ms, paused_until)
SELECT n.key, n.job_id, n.stage, 'rate', n.count, n.period_ms, n.paused_until
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS n (key, job_id, stage, count, period_ms, paused_until)
ON CONFLICT (key) DO UPDATE
SET paused_until = GREATEST(l.paused_until, excluded.paused_until)
