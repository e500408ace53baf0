-- Forgets the starts and the pause of a rate. The allocator looks at it next.
-- $1  its key
UPDATE jobs_limits SET tat = 0, paused_until = 0, check_at = 0 WHERE key = $1 AND kind = 'rate'
