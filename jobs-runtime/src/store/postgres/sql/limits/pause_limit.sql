-- Pauses the rates with the keys $1 until the time $2 at least.
WITH named AS MATERIALIZED (
    SELECT id FROM jobs.limits WHERE key = ANY ($1) AND kind = 'rate' ORDER BY id FOR NO KEY UPDATE
)
UPDATE jobs.limits AS l
SET paused_until = GREATEST(l.paused_until, $2)
WHERE l.id = ANY (ARRAY(SELECT n.id FROM named AS n))
