-- What single queues and jobs have of the slots of a session's worker: JSON. NULL where its program does not
-- tell.
ALTER TABLE jobs.sessions ADD COLUMN shares text;
