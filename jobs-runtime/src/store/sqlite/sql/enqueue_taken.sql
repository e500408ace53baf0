-- Permits are taken: so many of each limit, the array $23.
UPDATE jobs_limits
SET granted = granted + (e.value ->> 1)
FROM jsonb_each($23) AS e
WHERE jobs_limits.id = e.value ->> 0;
