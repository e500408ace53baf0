-- Writes, and leaves everything as it was: a lock on a row is written to the log and to the row's page.
-- The row is always there and nobody else locks it.
SELECT id FROM jobs.installation FOR UPDATE
