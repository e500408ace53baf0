-- Turns dispatch on: writes an unpublished entry for each execution that becomes ready, and deletes
-- it when the execution leaves `jobs_ready`.
CREATE TRIGGER IF NOT EXISTS jobs_ready_added AFTER INSERT ON jobs_ready
BEGIN
    INSERT INTO jobs_unpublished (queue, job_id, rank, seq, attempt)
    VALUES (NEW.queue, NEW.job_id, NEW.rank, NEW.seq, NEW.attempt)
    ON CONFLICT (queue, job_id, rank, seq)
        DO UPDATE SET attempt = excluded.attempt, version = version + 1, publish_at = 0;
END;

CREATE TRIGGER IF NOT EXISTS jobs_ready_removed AFTER DELETE ON jobs_ready
BEGIN
    DELETE FROM jobs_unpublished
    WHERE queue = OLD.queue AND job_id = OLD.job_id AND rank = OLD.rank AND seq = OLD.seq;
END
