-- Marks the store as moved to $1: no execution and no session is added.
UPDATE jobs_installation SET moved_to = $1;

CREATE TRIGGER IF NOT EXISTS jobs_moved_executions BEFORE INSERT ON jobs_executions
BEGIN
    SELECT RAISE(ABORT, 'this store was moved');
END;

CREATE TRIGGER IF NOT EXISTS jobs_moved_sessions BEFORE INSERT ON jobs_sessions
BEGIN
    SELECT RAISE(ABORT, 'this store was moved');
END;
