-- When an execution that has limits got its permits: its attempt starts no earlier, whatever time the claim
-- was asked for.
ALTER TABLE jobs_ready ADD COLUMN let_in_at INTEGER;
