-- Permits that come back: so many of each limit, the array $24, unless there is a note for it ($27) and nobody waits.
-- Where somebody waits for one, the limit is looked at at once. What a rate has given is counted when attempts start.
UPDATE jobs_limits
SET in_use = MAX(in_use - (e.value ->> 1), 0),
    check_at = iif(EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = jobs_limits.id), 0, check_at)
FROM jsonb_each(iif($27 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM jobs_blocked), NULL, $24)) AS e
WHERE jobs_limits.id = e.value ->> 0 AND jobs_limits.kind = 'concurrent';
