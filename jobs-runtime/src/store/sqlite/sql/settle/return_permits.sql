-- Returns the permits of ended attempts. The allocator looks next at those of their limits that
-- have waiters. Rates are left alone: their starts are counted by time.
-- $24  JSON array: [limit, number of permits]
UPDATE jobs_limits
SET in_use = MAX(in_use - (e.value ->> 1), 0),
    check_at = iif(
        EXISTS (SELECT 1 FROM jobs_blocked)
            AND EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = jobs_limits.id),
        0, check_at
    )
FROM jsonb_each($24) AS e
WHERE jobs_limits.id = e.value ->> 0 AND jobs_limits.kind = 'concurrent';
