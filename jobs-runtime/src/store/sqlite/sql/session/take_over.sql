-- Closes the session $1, if its beat is still $2: it renews and claims nothing any more. Then moves
-- up to $5 of its leases, past the first $7, to the claim $4 of the session $3. The attempts keep their numbers, the
-- time they began and the name of who executes them.
UPDATE jobs_sessions SET closed_at = $6 WHERE id = $1 AND beat = $2 AND closed_at IS NULL;

UPDATE jobs_leases
SET session = $3, claim = $4, executed_by = IFNULL(executed_by, session)
WHERE seq IN (SELECT seq FROM jobs_leases WHERE session = $1 ORDER BY seq LIMIT $5 OFFSET $7)
    AND EXISTS (SELECT 1 FROM jobs_sessions WHERE id = $1 AND beat = $2 AND closed_at IS NOT NULL);

UPDATE jobs_sessions SET last_claim = $4 WHERE id = $3 AND changes() > 0;
