-- Takes permits that came back off the numbers of their limits: so many of each, the array $1. Where somebody waits, let
-- in by a program that knows no notes, the limit is looked at at once.
UPDATE jobs_limits
SET in_use = MAX(in_use - (e.value ->> 1), 0),
    check_at = iif(EXISTS (SELECT 1 FROM jobs_blocked AS h WHERE h.limit_id = jobs_limits.id), 0, check_at)
FROM jsonb_each($1) AS e
WHERE jobs_limits.id = e.value ->> 0 AND jobs_limits.kind = 'concurrent';
