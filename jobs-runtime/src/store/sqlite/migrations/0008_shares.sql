-- What single queues and jobs have of the slots of a session's worker: JSON. NULL where its program does not
-- tell.
ALTER TABLE jobs_sessions ADD COLUMN shares TEXT;
