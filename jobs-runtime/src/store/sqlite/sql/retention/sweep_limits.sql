-- Deletes limits that are still idle and that no execution names.
-- $1  JSON array: limits that no execution up to the seq $2 names
-- $2  the seq
-- $3  the present time in microseconds
DELETE FROM jobs_limits
WHERE id IN (SELECT value FROM json_each($1)) AND in_use = 0 AND tat < $3
    AND paused_until < $3 / 1000
    AND id NOT IN (
        SELECT e.value FROM jobs_limited AS m, json_each(m.limits) AS e
        WHERE m.seq > $2 AND m.limits IS NOT NULL
    )
    AND NOT EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = jobs_limits.id)
