-- Takes the right to write and reads, and leaves nothing behind.
SELECT 1 FROM jobs.sessions LIMIT 1 FOR UPDATE SKIP LOCKED
