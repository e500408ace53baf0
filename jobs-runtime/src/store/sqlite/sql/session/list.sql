-- Lists the sessions that are open or have leases, the oldest first.
SELECT id, beat, worker, opened_at, renewed_at, lease_ms
FROM jobs_sessions
WHERE id IN (
    SELECT id FROM jobs_sessions WHERE closed_at IS NULL
    UNION
    SELECT session FROM jobs_leases
)
ORDER BY id
