-- What becomes of permits, before their leases go: the array $24 has the limits of attempts that have ended and
-- how many have the same. Whoever says what was never a lease's is found out when the lease is not met.
INSERT INTO jobs_permit_events (limit_id, kind, count)
SELECT i.value, 'ended', SUM(e.value ->> 1)
FROM json_each($24) AS e
CROSS JOIN json_each(iif(json_valid(e.value ->> 0), e.value ->> 0, NULL)) AS i
GROUP BY i.value;
