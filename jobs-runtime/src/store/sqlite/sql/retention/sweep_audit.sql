-- Deletes entries of the audit log from before a time.
-- $1  the time
-- $2  the most entries
DELETE FROM jobs_audit
WHERE seq IN (SELECT seq FROM jobs_audit WHERE at <= $1 ORDER BY at LIMIT $2)
