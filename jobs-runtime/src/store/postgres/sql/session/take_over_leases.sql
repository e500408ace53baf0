-- Moves up to $4 leases of the session $1, past the first $5, to the claim $3 of the session $2; both
-- sessions are locked. The attempts keep their numbers, the time they began and the name of who executes them.
-- A lease that a transaction is just ending is passed over.
UPDATE jobs.leases
SET session = $2, claim = $3, executed_by = COALESCE(executed_by, session)
WHERE seq = ANY (ARRAY(
    SELECT seq FROM jobs.leases WHERE session = $1 ORDER BY seq LIMIT $4 OFFSET $5 FOR UPDATE SKIP LOCKED
))
