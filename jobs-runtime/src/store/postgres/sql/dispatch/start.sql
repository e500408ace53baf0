-- Turns dispatch on. Repeatable. The lock conflicts with every write to `ready`, so the wait for it
-- is bounded.
SET LOCAL lock_timeout = '2s';

DROP TRIGGER IF EXISTS ready_added ON jobs.ready;

DROP TRIGGER IF EXISTS ready_removed ON jobs.ready;

CREATE TRIGGER ready_added AFTER INSERT ON jobs.ready
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION jobs.note_ready_added();

CREATE TRIGGER ready_removed AFTER DELETE ON jobs.ready
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION jobs.note_ready_removed();
