-- Words of its operator's about a worker: a JSON array of texts, or NULL from a program that knows
-- none.
ALTER TABLE jobs_sessions ADD COLUMN labels TEXT;
