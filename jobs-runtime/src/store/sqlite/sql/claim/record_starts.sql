-- Counts the starts of leased attempts against their rates, which returns the permits that they
-- held. The allocator looks next at those rates that have waiters.
-- $1  JSON array: [limit, number of attempts, time of the last start]
UPDATE jobs_limits
SET in_use = MAX(in_use - (s.value ->> 1), 0),
    tat = MAX(tat, (s.value ->> 2) * 1000) + (s.value ->> 1) * interval_us,
    check_at = iif(EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = jobs_limits.id), 0,
        check_at)
FROM jsonb_each(iif((SELECT MIN(id) FROM jobs_limits WHERE kind = 'rate'), $1, NULL)) AS s
WHERE jobs_limits.id = s.value ->> 0 AND jobs_limits.kind = 'rate';
