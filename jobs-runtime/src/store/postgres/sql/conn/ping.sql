-- Checks that the database can be read and written, and changes no data.
-- A row lock is written to the WAL and to the row's page. The row always exists, and nothing else
-- locks it.
SELECT id FROM jobs.installation FOR UPDATE
