-- Takes over the leases of a session whose beat has not changed. Closes it, so that it neither
-- renews nor claims any more, and moves its leases to a claim of another session. The attempts keep
-- their numbers, the times of their starts and the session that executes them. A repeated
-- call moves more leases of the closed session.
-- $1  the session to close
-- $2  its beat
-- $3  the session that takes over
-- $4  the number of its claim
-- $5  the most leases
-- $6  the present time
-- $7  the number of leases to skip
UPDATE jobs_sessions SET closed_at = $6 WHERE id = $1 AND beat = $2 AND closed_at IS NULL;

UPDATE jobs_leases
SET session = $3, claim = $4, executed_by = IFNULL(executed_by, session)
WHERE seq IN (SELECT seq FROM jobs_leases WHERE session = $1 ORDER BY seq LIMIT $5 OFFSET $7)
    AND EXISTS (SELECT 1 FROM jobs_sessions WHERE id = $1 AND beat = $2 AND closed_at IS NOT NULL);

UPDATE jobs_sessions SET last_claim = $4 WHERE id = $3 AND changes() > 0;
