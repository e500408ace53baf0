-- Ends the take-over of the closed session $1, if it has no lease left. The caller has locked it.
-- It is not listed any more.
UPDATE jobs.sessions
SET last_beat = NULL
WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM jobs.leases AS l WHERE l.session = $1)
