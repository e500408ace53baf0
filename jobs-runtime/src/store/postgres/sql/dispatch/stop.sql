-- Turns dispatch off.
SET LOCAL lock_timeout = '2s';

DROP TRIGGER IF EXISTS ready_added ON jobs.ready;

DROP TRIGGER IF EXISTS ready_removed ON jobs.ready;

DELETE FROM jobs.unpublished;
