-- Removes the mark of a moved store.
UPDATE jobs_installation SET moved_to = NULL;
DROP TRIGGER IF EXISTS jobs_moved_executions;
DROP TRIGGER IF EXISTS jobs_moved_sessions;
