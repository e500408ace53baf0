-- When an execution that has passed a limit came to where it stands now, in milliseconds; 0 before that.
ALTER TABLE jobs_held ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
DROP INDEX jobs_held_by_limit;
CREATE INDEX jobs_held_by_limit ON jobs_held (limit_id, rank, turn, seq);
