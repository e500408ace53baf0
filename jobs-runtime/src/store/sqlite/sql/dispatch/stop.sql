-- Turns dispatch off.
DROP TRIGGER IF EXISTS jobs_ready_added;

DROP TRIGGER IF EXISTS jobs_ready_removed;

DELETE FROM jobs_unpublished
