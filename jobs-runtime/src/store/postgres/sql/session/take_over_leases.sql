-- Moves up to $4 leases of the session $1, after the first $5, to the claim $3 of the session $2.
-- The caller has locked both sessions. An attempt keeps its number, its start and the session that
-- executed it. A lease that another transaction has locked is skipped.
UPDATE jobs.leases
SET session = $2, claim = $3, executed_by = COALESCE(executed_by, session)
WHERE seq = ANY (ARRAY(
    SELECT seq FROM jobs.leases WHERE session = $1 ORDER BY seq LIMIT $4 OFFSET $5 FOR UPDATE SKIP LOCKED
))
