-- Forgets the starts and the pause of the rate with the key $1. The allocator looks at it next.
UPDATE jobs.limits SET tat = 0, paused_until = 0, check_at = 0 WHERE key = $1 AND kind = 'rate'
