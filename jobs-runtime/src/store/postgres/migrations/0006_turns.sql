-- When an execution that has passed a limit came to where it stands now, in milliseconds; 0 before that.
ALTER TABLE jobs.held ADD COLUMN turn bigint NOT NULL DEFAULT 0;
DROP INDEX jobs.held_by_limit;
CREATE INDEX held_by_limit ON jobs.held (limit_id, rank, turn, seq);
